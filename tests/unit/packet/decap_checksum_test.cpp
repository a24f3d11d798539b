// SPDX-License-Identifier: Apache-2.0
// Frames whose innermost packet is verified (DecapConfig::verify_checksums).
//   - right ones are taken as they are without it, whatever is around them, and behind them; no bit of them may be another
//   - never what is around the innermost packet, and never before the filters
//   - what can't be verified is accepted: cut segments, packets on their way
//   - fragments: each header, and the whole
//   - both ways of the decapsulator see the same
#include <memory>
#include <string>
#include <vector>

#include "packet/decap.h"
#include "support/catch.h"
#include "support/checksums.h"
#include "support/fragmenter.h"
#include "support/random.h"

using namespace rebuilder;
using namespace rebuilder::packet;
using namespace rebuilder::test;

namespace {

constexpr std::size_t eth = 14, ip4 = 20, ip6 = 40, tunnel = eth + ip4 + 8 + 8;

DecapConfig verifying_config(bool verify = true) {
    DecapConfig config;
    config.accept_plain = true;
    config.verify_checksums = verify;
    return config;
}
const Decapsulator verifying{verifying_config()};
const Decapsulator trusting{verifying_config(false)};

struct Answer {
    std::string verdict;
    Segment segment;
};

Answer answer_to(const Decapsulator& decapsulator, const Octets& frame, FragmentTable* table = nullptr) {
    Answer answer;
    const Counter verdict = decapsulator.decap({frame, 7}, answer.segment, table);
    answer.verdict = counter_table[static_cast<std::size_t>(verdict)].name;
    return answer;
}

// A frame with right checksums in its innermost packet, and where in it that has its headers.
struct Shape {
    std::string name;
    Octets frame;
    std::size_t ip;
    std::size_t tcp;

    Shape(std::string what, const PacketBuilder& packet, std::size_t ip_at, std::size_t ip_size)
        : name(std::move(what))
        , frame(with_checksums(packet.build(), ip_at, ip_size))
        , ip(ip_at)
        , tcp(ip_at + ip_size) {}

    [[nodiscard]] bool is_v4() const { return frame[ip] >> 4 == 4; }
    [[nodiscard]] std::size_t end() const {
        return ip + (is_v4() ? load_be16(&frame[ip + 2]) : ip6 + load_be16(&frame[ip + 4]));
    }
};

PacketBuilder mirror() {
    return PacketBuilder().eth().ipv4().udp().vxlan().eth();
}

std::vector<Shape> shapes() {
    std::vector<Shape> all;
    for (const char* payload : {"", "G", "GE", "GET", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n\r\n!"}) {
        all.emplace_back("usual, " + std::string(payload), mirror().ipv4().tcp().payload(payload), tunnel + eth, ip4);
        all.emplace_back("IPv6, " + std::string(payload), mirror().ipv6().tcp().payload(payload), tunnel + eth, ip6);
    }
    all.emplace_back("options of both",
        mirror().ipv4({.options = {1, 1, 1, 0}}).tcp({.options = {1, 1, 1, 0}}).payload("abc"), tunnel + eth, ip4 + 4);
    all.emplace_back("VLAN", mirror().vlan().ipv4().tcp().payload("abc"), tunnel + eth + 4, ip4);
    all.emplace_back("GENEVE", PacketBuilder().eth().ipv4().udp({.to = 6081}).geneve().ipv4().tcp().payload("abc"),
        eth + ip4 + 8 + 8, ip4);
    all.emplace_back("plain", PacketBuilder().eth().ipv4().tcp().payload("abc"), eth, ip4);
    all.emplace_back("plain IPv6", PacketBuilder().eth().ipv6().tcp().payload("abc"), eth, ip6);
    all.emplace_back("IP in IP", mirror().ipv4().ipv4().tcp().payload("abc"), tunnel + eth + ip4, ip4);
    all.emplace_back("padding", mirror().ipv4().tcp().payload("abc").padding(7), tunnel + eth, ip4);
    all.emplace_back("padding of IPv6", mirror().ipv6().tcp().payload("abcd").padding(8), tunnel + eth, ip6);
    all.emplace_back("extension headers",
        mirror().ipv6().extension().extension({.type = 60}).extension({.type = 43}).tcp().payload("abc"), tunnel + eth,
        ip6 + 24);
    return all;
}

Octets flipped(Octets frame, std::size_t at, int bit = 0) {
    frame[at] ^= static_cast<std::uint8_t>(1 << bit);
    return frame;
}

// A segment as long as a mirror's longest, of a pattern.
std::string long_text() {
    std::string text(1460, ' ');
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 23);
    return text;
}

struct Fragments {
    explicit Fragments(const Decapsulator& with = verifying) : decapsulator(with), table({}, {1, 2}, counters) {}
    ~Fragments() { table.drain(); }

    std::string read(const Octets& frame) { return answer_to(decapsulator, frame, &table).verdict; }

    const Decapsulator& decapsulator;
    Counters counters;
    FragmentTable table;
};

}  // namespace

TEST_CASE("decap, checksums: right ones are taken as they are without a look at them", "[decap]") {
    for (const Shape& shape : shapes()) {
        INFO(shape.name);
        const Answer verified = answer_to(verifying, shape.frame);
        const Answer trusted = answer_to(trusting, shape.frame);
        CHECK(verified.verdict == "segments");
        CHECK(trusted.verdict == "segments");
        CHECK(verified.segment.key == trusted.segment.key);
        CHECK(verified.segment.seq == trusted.segment.seq);
        CHECK(verified.segment.payload.data() == trusted.segment.payload.data());
        CHECK(verified.segment.payload.size() == trusted.segment.payload.size());
    }
}

TEST_CASE("decap, checksums: no bit that one covers may be another", "[decap]") {
    for (const Shape& shape : shapes()) {
        INFO(shape.name);
        for (std::size_t at = shape.ip; at < shape.end(); ++at) {
            const bool addresses =
                at >= shape.ip + (shape.is_v4() ? 12 : 8) && at < shape.ip + (shape.is_v4() ? ip4 : ip6);
            const bool length_of_header = at == shape.tcp + 12;
            const bool covered = shape.is_v4() || addresses || at >= shape.tcp;
            for (int bit = 0; bit < 8 && covered; ++bit) {
                INFO("bit " << bit << " of byte " << at);
                const Octets frame = flipped(shape.frame, at, bit);
                const std::string verdict = answer_to(verifying, frame).verdict;
                REQUIRE(verdict != "segments");
                if (addresses || (at >= shape.tcp && !length_of_header)) REQUIRE(verdict == "frame_bad_checksum");
                if (at > shape.tcp + 12) REQUIRE(answer_to(trusting, frame).verdict == "segments");
            }
        }
    }
}

TEST_CASE("decap, checksums: what was never computed is accepted without, refused with", "[decap]") {
    const Octets none = mirror().ipv4().tcp().payload("GET / HTTP/1.1").build();
    CHECK(answer_to(trusting, none).verdict == "segments");
    CHECK(answer_to(verifying, none).verdict == "frame_bad_checksum");
    CHECK(answer_to(Decapsulator({}), none).verdict == "segments");
    Octets header_only = none;
    set_ipv4_checksum(header_only, tunnel + eth);
    CHECK(answer_to(verifying, header_only).verdict == "frame_bad_checksum");
    Octets tcp_only = none;
    set_tcp_checksum(tcp_only, tunnel + eth, tunnel + eth + ip4);
    CHECK(answer_to(verifying, tcp_only).verdict == "frame_bad_checksum");
}

TEST_CASE("decap, checksums: only the innermost packet's, never those around it", "[decap]") {
    const Shape usual("usual", mirror().ipv4().tcp().payload("abc"), tunnel + eth, ip4);
    for (const std::size_t outer : {eth + 10, eth + ip4 + 6}) {  // of IPv4 and UDP
        CHECK(answer_to(verifying, flipped(usual.frame, outer)).verdict == "segments");
    }
    const Shape nested("IP in IP", mirror().ipv4().ipv4().tcp().payload("abc"), tunnel + eth + ip4, ip4);
    CHECK(answer_to(verifying, flipped(nested.frame, tunnel + eth + 10)).verdict == "segments");
    CHECK(answer_to(verifying, flipped(nested.frame, tunnel + eth + ip4 + 10)).verdict == "frame_bad_checksum");
}

TEST_CASE("decap, checksums: behind the end that the IP header names, nothing counts", "[decap]") {
    for (const std::size_t size : {1U, 2U, 3U}) {
        Octets frame =
            Shape("", mirror().ipv4().tcp().payload(std::string(size, 'x')).padding(9), tunnel + eth, ip4).frame;
        frame.back() ^= 0x55;
        frame[tunnel + eth + ip4 + 20 + size] ^= 0xaa;
        CHECK(answer_to(verifying, frame).verdict == "segments");
    }
}

TEST_CASE("decap, checksums: a segment that was cut is accepted, but its IPv4 header is there", "[decap]") {
    for (const Shape& shape : shapes()) {
        if (shape.end() != shape.frame.size() || shape.end() < shape.tcp + 23) continue;
        INFO(shape.name);
        Octets cut = flipped(shape.frame, shape.tcp + 20);  // wrong, whatever is missing
        CHECK(answer_to(verifying, cut).verdict == "frame_bad_checksum");
        cut.pop_back();
        const Answer answer = answer_to(verifying, cut);
        CHECK(answer.verdict == "segments");
        CHECK(answer.segment.missing == 1);
        if (shape.is_v4()) CHECK(answer_to(verifying, flipped(cut, shape.ip + 10)).verdict == "frame_bad_checksum");
    }
}

TEST_CASE("decap, checksums: without a length, as in front of segmentation offload, nothing is right", "[decap]") {
    const Octets v4 = mirror().ipv4({.total_length = 0}).tcp().payload("abc").build();
    CHECK(answer_to(trusting, v4).verdict == "segments");
    CHECK(answer_to(verifying, v4).verdict == "frame_inner_bad_length");
    const Octets v6 = mirror().ipv6({.payload_length = 0}).tcp().payload("abc").build();
    CHECK(answer_to(trusting, v6).verdict == "segments");
    CHECK(answer_to(verifying, v6).verdict == "frame_inner_bad_length");
}

TEST_CASE("decap, checksums: a packet that has to go on from its address can't be verified", "[decap]") {
    for (const std::uint8_t type : {std::uint8_t{0}, std::uint8_t{2}, std::uint8_t{4}}) {
        for (const std::uint8_t segments_left : {std::uint8_t{0}, std::uint8_t{1}}) {
            const PacketBuilder packet = mirror()
                                             .ipv6()
                                             .extension({.type = 43, .body = {type, segments_left, 0, 0, 0, 0}})
                                             .extension({.type = 60})
                                             .tcp()
                                             .payload("abc");
            CHECK(answer_to(verifying, packet.build()).verdict ==
                  (segments_left != 0 ? "segments" : "frame_bad_checksum"));
            CHECK(answer_to(verifying, with_checksums(packet.build(), tunnel + eth, ip6 + 16)).verdict == "segments");
        }
    }
}

TEST_CASE("decap, checksums: what a filter refuses is not verified", "[decap]") {
    DecapConfig config = verifying_config();
    config.tcp_ports = {8080};
    config.vni_deny = {6};
    const Decapsulator filtering(config);
    CHECK(answer_to(filtering, mirror().ipv4().tcp().payload("abc").build()).verdict == "frame_port_refused");
    CHECK(answer_to(filtering, mirror().ipv4().tcp({.to = 8080}).build()).verdict == "frame_bad_checksum");
    const auto denied = PacketBuilder().eth().ipv4().udp().vxlan({.vni = 6}).eth().ipv4();
    CHECK(answer_to(filtering, PacketBuilder(denied).tcp({.to = 8080}).build()).verdict == "frame_vni_refused");
}

TEST_CASE("decap, checksums: of fragments each IPv4 header, and then the whole segment", "[decap][fragments]") {
    const Octets right = Shape("", mirror().ipv4().tcp().payload(long_text()), tunnel + eth, ip4).frame;
    const auto parts_of = [](const Octets& frame) {
        std::vector<Octets> parts = fragments4(frame, tunnel + eth, 488);
        for (Octets& part : parts) set_ipv4_checksum(part, tunnel + eth);
        return parts;
    };
    Fragments whole;
    std::vector<Octets> parts = parts_of(right);
    REQUIRE(parts.size() == 4);
    for (const std::size_t i : {3U, 0U, 2U}) CHECK(whole.read(parts[i]) == "frame_inner_fragment");
    // One with a wrong header is none: its bytes don't count.
    Octets wrong = flipped(parts[1], tunnel + eth + ip4);
    wrong[tunnel + eth + 10] ^= 1;
    CHECK(whole.read(wrong) == "frame_bad_checksum");
    CHECK(whole.read(parts[1]) == "segments");

    for (const std::size_t at : {ip4 + 4, ip4 + 16, ip4 + 20, ip4 + 700, ip4 + 20 + 1459}) {
        Fragments broken;
        std::vector<std::string> verdicts;
        for (const Octets& part : parts_of(flipped(right, tunnel + eth + at))) verdicts.push_back(broken.read(part));
        CHECK(verdicts.back() == "frame_bad_checksum");
        CHECK(verdicts.front() == "frame_inner_fragment");
    }
}

TEST_CASE("decap, checksums: of IPv6 fragments, the whole segment", "[decap][fragments]") {
    const Octets right = Shape("", mirror().ipv6().tcp().payload(long_text()), tunnel + eth, ip6).frame;
    for (const bool wrong : {false, true}) {
        Fragments fragments;
        const Octets frame = wrong ? flipped(right, tunnel + eth + ip6 + 700) : right;
        const std::vector<Octets> parts = fragments6(frame, tunnel + eth, 488);
        REQUIRE(parts.size() == 4);
        for (const std::size_t i : {2U, 3U, 0U}) CHECK(fragments.read(parts[i]) == "frame_inner_fragment");
        CHECK(fragments.read(parts[1]) == (wrong ? "frame_bad_checksum" : "segments"));
    }
}

TEST_CASE("decap, checksums: an outer datagram in fragments holds a packet like any other", "[decap][fragments]") {
    DecapConfig config;
    config.verify_checksums = true;
    const Decapsulator tunnels_only(config);
    for (const bool wrong : {false, true}) {
        Fragments fragments(tunnels_only);
        Octets frame = Shape("", mirror().ipv4().tcp().payload(long_text()), tunnel + eth, ip4).frame;
        if (wrong) frame = flipped(frame, 700);
        const std::vector<Octets> parts = fragments4(frame, eth, 1000);  // their headers have no right checksum
        REQUIRE(parts.size() == 2);
        CHECK(fragments.read(parts[0]) == "frame_outer_fragment");
        CHECK(fragments.read(parts[1]) == (wrong ? "frame_bad_checksum" : "segments"));
    }
}

TEST_CASE("decap, checksums: both ways see the same, and what they accept is right", "[decap][property]") {
    test::Random random(4);
    INFO(random.seed());
    std::size_t taken = 0;
    for (int i = 0; i < 30'000; ++i) {
        std::string payload(random.below(i % 50 == 0 ? 1461 : 40), ' ');
        for (char& byte : payload) byte = static_cast<char>(random.below(256));
        Octets frame = mirror()
                           .ipv4({.from = static_cast<std::uint32_t>(random.below(1ULL << 32))})
                           .tcp({.seq = static_cast<std::uint32_t>(random.below(1ULL << 32))})
                           .payload(payload)
                           .build();
        frame = with_checksums(frame, tunnel + eth);
        const bool changed = random.one_in(2);
        if (changed) frame = flipped(frame, tunnel + eth + random.below(frame.size() - tunnel - eth), i % 8);
        // In a place of its own, so that a read behind it is an error that ASan sees.
        const auto own = std::make_unique<std::uint8_t[]>(frame.size());
        std::copy(frame.begin(), frame.end(), own.get());
        const Frame view{{own.get(), frame.size()}, 7};
        Segment usual, any;
        Origin origin;
        const bool is_usual = verifying.decap_usual(view, usual);
        const Counter verdict = verifying.decap_any(view, any, nullptr, origin);
        REQUIRE(is_usual == !changed);
        REQUIRE((verdict == Counter::segments) == !changed);
        if (!is_usual) continue;
        ++taken;
        REQUIRE(usual.key == any.key);
        REQUIRE(usual.payload.data() == any.payload.data());
        REQUIRE(usual.payload.size() == any.payload.size());
    }
    CHECK(taken > 10'000);
}
