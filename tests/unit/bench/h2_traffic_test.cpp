// SPDX-License-Identifier: Apache-2.0
// The benchmark's HTTP/2 clients, heard by a server that is strict about HTTP.
#include "h2_traffic.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/http2_peer.h"

using namespace rebuilder;
using namespace rebuilder::bench;
using test::Http2Peer;
using test::Http2Request;

namespace {

H2Settings settings_of(H2Mix mix) {
    H2Settings settings;
    settings.mix = mix;
    settings.connections = 7;
    settings.requests = 1'000;
    return settings;
}

// The requests of all connections, in the order of their ends.
std::vector<Http2Request> heard(const H2Traffic& traffic) {
    std::vector<Http2Request> requests;
    std::map<std::uint32_t, std::unique_ptr<Http2Peer>> servers;
    for (const packet::Frame& frame : traffic.mirror.frames()) {
        auto& server = servers[Mirror::connection_of(frame)];
        if (!server) {
            server = std::make_unique<Http2Peer>([&requests](Http2Peer& peer, const Http2Request& request) {
                requests.push_back(request);
                peer.answer(request, 200);
            });
            (void)server->output();
        }
        REQUIRE(server->feed(Mirror::payload_of(frame)));
        (void)server->output();
    }
    return requests;
}

}  // namespace

TEST_CASE("h2 traffic: a server hears what was made, in that order", "[bench]") {
    const auto [mix, fields] = GENERATE(std::pair{H2Mix::browser, std::size_t{13}},
        std::pair{H2Mix::grpc, std::size_t{10}}, std::pair{H2Mix::api, std::size_t{11}});
    const H2Traffic traffic = make_h2_traffic(settings_of(mix));
    REQUIRE(traffic.requests.size() == 1'000);
    CHECK(traffic.blocks.size() == 1'000);
    const std::vector<Http2Request> requests = heard(traffic);
    REQUIRE(requests.size() == 1'000);
    std::uint64_t field_bytes = 0;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        const H2Traffic::Made& made = traffic.requests[i];
        CHECK(requests[i][":method"] == made.method);
        CHECK(requests[i][":path"] == made.path);
        CHECK(requests[i][":authority"] == made.host);
        CHECK(requests[i].body.size() == made.body_bytes);
        CHECK(requests[i].fields.size() == fields);
        for (const auto& [name, value] : requests[i].fields) field_bytes += name.size() + value.size();
    }
    CHECK(traffic.fields == fields * 1'000);
    CHECK(traffic.field_bytes == field_bytes);
    // What stays the same is in the dynamic table: else these benchmarks would be of Huffman's code.
    CHECK(traffic.block_bytes * 2 < traffic.field_bytes);
}

TEST_CASE("h2 traffic: it is the same each time, and another with another seed", "[bench]") {
    const auto bytes_of = [](std::uint64_t seed) {
        H2Settings settings = settings_of(H2Mix::browser);
        settings.seed = seed;
        std::string all;
        const H2Traffic traffic = make_h2_traffic(settings);
        for (const packet::Frame& frame : traffic.mirror.frames()) all += as_text(frame.bytes);
        return all;
    };
    CHECK(bytes_of(1) == bytes_of(1));
    CHECK(bytes_of(1) != bytes_of(2));
}

TEST_CASE("h2 traffic: a client writes at most a batch, and each has its share", "[bench]") {
    H2Settings settings = settings_of(H2Mix::grpc);
    settings.requests = 10;
    settings.batch = 1;
    const H2Traffic traffic = make_h2_traffic(settings);
    // SYN, preface, one write for each request, FIN
    CHECK(traffic.mirror.frames().size() == 7 * 3 + 10);
    std::map<std::uint32_t, int> each;
    for (const H2Traffic::HeaderBlock& block : traffic.blocks) ++each[block.connection];
    REQUIRE(each.size() == 7);
    for (const auto& [connection, count] : each) CHECK(count == (connection < 3 ? 2 : 1));
}
