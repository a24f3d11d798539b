// SPDX-License-Identifier: Apache-2.0
// The benchmark's mirror, read by the product's decapsulator.
#include "mirror.h"

#include <array>
#include <map>
#include <string>

#include "packet/decap.h"
#include "support/catch.h"

using namespace rebuilder;
using bench::Mirror;
using packet::Segment;
using packet::TcpFlags;

namespace {

std::vector<Segment> segments_of(const Mirror& mirror) {
    const packet::Decapsulator decapsulator({});
    std::vector<Segment> segments;
    for (const packet::Frame& frame : mirror.frames()) {
        REQUIRE(decapsulator.decap(frame, segments.emplace_back()) == Counter::segments);
        REQUIRE(segments.back().missing == 0);
        CHECK(as_text(Mirror::payload_of(frame)) == as_text(segments.back().payload));
    }
    return segments;
}

}  // namespace

TEST_CASE("mirror: each connection reads as it was written", "[bench]") {
    const std::array<std::string, 3> texts{std::string(1, 'a'), std::string(1460, 'b'), std::string(3000, 'c')};
    Mirror mirror;
    for (std::uint32_t i = 0; i < 3; ++i) mirror.open(i);
    for (const std::string& text : texts) {
        for (std::uint32_t i = 0; i < 3; ++i) mirror.send(i, as_bytes(text));
    }
    for (std::uint32_t i = 0; i < 3; ++i) mirror.close(i);

    struct Stream {
        Seq next = 0;
        bool closed = false;
        std::string text;
    };
    std::map<std::uint16_t, Stream> streams;
    std::uint64_t bytes = 0;
    std::uint64_t last_ns = 0;
    std::size_t at = 0;
    for (const Segment& segment : segments_of(mirror)) {
        const packet::Frame& frame = mirror.frames()[at++];
        const auto port = segment.key.endpoint(segment.sender).port;
        Stream& stream = streams[port];
        CHECK(Mirror::connection_of(frame) == port - 10'000U);
        CHECK(segment.key.endpoint(packet::opposite(segment.sender)).port == 8080);
        CHECK(segment.has(TcpFlags::syn) == (stream.next == 0 && stream.text.empty()));
        CHECK((segment.has(TcpFlags::syn) || segment.seq == stream.next));
        CHECK_FALSE(stream.closed);
        stream.text += as_text(segment.payload);
        stream.closed = segment.has(TcpFlags::fin);
        stream.next = segment.seq + static_cast<Seq>(segment.payload.size()) + (segment.has(TcpFlags::syn) ? 1 : 0);
        CHECK(segment.time_ns > last_ns);
        last_ns = segment.time_ns;
        bytes += frame.bytes.size();
    }
    CHECK(bytes == mirror.bytes());
    REQUIRE(streams.size() == 3);
    for (const auto& [port, stream] : streams) {
        CHECK(stream.text == texts[0] + texts[1] + texts[2]);
        CHECK(stream.closed);
    }
}

TEST_CASE("mirror: renewed, it is later, and of another client", "[bench]") {
    Mirror mirror;
    mirror.open(0);
    mirror.send(0, as_bytes("GET"));
    const std::vector<Segment> before = segments_of(mirror);
    std::vector<packet::FlowKey> keys{before[0].key};
    for (int i = 0; i < 250; ++i) {
        const std::uint64_t last_ns = mirror.frames().back().time_ns;
        mirror.renew();
        CHECK(mirror.frames().front().time_ns == last_ns + Mirror::step_ns);
        const std::vector<Segment> after = segments_of(mirror);
        REQUIRE(after.size() == before.size());
        CHECK(after[1].key == after[0].key);
        CHECK(after[1].seq == before[1].seq);
        CHECK(as_text(after[1].payload) == "GET");
        CHECK(std::find(keys.begin(), keys.end(), after[0].key) == keys.end());
        keys.push_back(after[0].key);
    }
}
