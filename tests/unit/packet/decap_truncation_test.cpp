// SPDX-License-Identifier: Apache-2.0
// Frames cut at every byte, as a mirror or a snapshot length cuts them: nothing is read behind the cut (to be run under
// ASan), and the counter names the layer that was hit. Then bytes changed at random: any answer will do.
#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "packet/decap.h"
#include "support/catch.h"
#include "support/packet_builder.h"

using namespace rebuilder;
using namespace rebuilder::packet;
using rebuilder::test::Octets;
using rebuilder::test::PacketBuilder;
using namespace std::string_view_literals;

namespace {

std::string name(Counter counter) {
    return std::string(counter_table[static_cast<std::size_t>(counter)].name);
}

// The first `size` bytes in a place of their own, so that a read behind them is an error that ASan sees.
struct Cut {
    Cut(const Octets& frame, std::size_t size)
        : bytes(std::make_unique<std::uint8_t[]>(size))
        , view(bytes.get(), size) {
        std::copy_n(frame.begin(), size, bytes.get());
    }
    std::unique_ptr<std::uint8_t[]> bytes;
    Bytes view;
};

// What every prefix shorter than `until` is counted as.
struct Part {
    std::size_t until;
    Counter counter;
};

void check_prefixes(const Octets& frame, LinkType link, const DecapConfig& config, const std::vector<Part>& parts) {
    const Decapsulator decapsulator(config);
    const std::size_t headers = parts.back().until;
    for (std::size_t size = 0; size <= frame.size(); ++size) {
        INFO("cut to " << size << " of " << frame.size() << " bytes");
        const Cut cut(frame, size);
        Segment segment;
        const Counter counter = decapsulator.decap({cut.view, 1, link}, segment);
        const auto part = std::find_if(parts.begin(), parts.end(), [size](const Part& p) { return size < p.until; });
        if (part != parts.end()) {
            REQUIRE(name(counter) == name(part->counter));
        } else {
            REQUIRE(name(counter) == "segments");
            REQUIRE(segment.payload.size() == size - headers);
            REQUIRE(segment.missing == frame.size() - size);
            REQUIRE((segment.payload.empty() || segment.payload.back() == frame[size - 1]));
        }
    }
}

// GRE, which holds VXLAN-GPE, which holds Teredo with both of its indications.
Octets own_tunnels() {
    return PacketBuilder()
        .eth()
        .ipv4()
        .udp()
        .vxlan()
        .eth()
        .ipv4()
        .udp({.to = 4754})
        .payload("\x20\0\x08\0\1\2\3\4"sv)
        .ipv4()
        .udp({.to = 4790})
        .vxlan({.flags = 0x0c, .reserved = 2})
        .ipv6()
        .udp({.to = 3544})
        .payload("\0\1\0\0nnnnnnnnc\0\0ppaaaa"sv)
        .ipv6({.to = {0x20, 0x01}})
        .tcp()
        .payload("GET / HTTP/1.1")
        .build();
}

}  // namespace

TEST_CASE("decap: every prefix of VXLAN over IPv4", "[decap]") {
    const Octets frame = PacketBuilder()
                             .eth()
                             .vlan()
                             .ipv4({.options = Octets(4)})
                             .udp()
                             .vxlan()
                             .eth()
                             .vlan()
                             .ipv4({.options = Octets(8)})
                             .tcp({.options = Octets(12)})
                             .payload("GET / HTTP/1.1")
                             .build();
    const std::size_t tunnel = 14 + 4 + 24 + 8;
    const std::size_t headers = tunnel + 8 + 14 + 4 + 28 + 32;
    check_prefixes(frame, LinkType::ethernet, {},
        {{tunnel, Counter::frame_outer_truncated}, {tunnel + 8, Counter::frame_tunnel_truncated},
            {headers, Counter::frame_inner_truncated}});
}

TEST_CASE("decap: every prefix of GENEVE over IPv6 with extension headers", "[decap]") {
    const Octets frame = PacketBuilder()
                             .eth()
                             .ipv6()
                             .extension()
                             .udp({.to = 6081})
                             .geneve({.options = Octets(16)})
                             .ipv6()
                             .extension({.type = 60, .length = 1, .body = Octets(14)})
                             .extension({.type = 44, .body = Octets(6)})
                             .extension({.type = 51, .length = 2, .body = Octets(14)})
                             .tcp()
                             .payload("GET / HTTP/1.1")
                             .build();
    const std::size_t tunnel = 14 + 40 + 8 + 8;
    const std::size_t headers = tunnel + 24 + 40 + 16 + 8 + 16 + 20;
    check_prefixes(frame, LinkType::ethernet, {},
        {{tunnel, Counter::frame_outer_truncated}, {tunnel + 24, Counter::frame_tunnel_truncated},
            {headers, Counter::frame_inner_truncated}});
}

TEST_CASE("decap: every prefix of GENEVE holding VXLAN", "[decap]") {
    const Octets frame = PacketBuilder()
                             .eth()
                             .ipv4()
                             .udp({.to = 6081})
                             .geneve({.options = Octets(8)})
                             .ipv4()
                             .udp()
                             .vxlan()
                             .eth()
                             .ipv4()
                             .tcp()
                             .payload("GET / HTTP/1.1")
                             .build();
    const std::size_t first = 14 + 20 + 8;
    const std::size_t second = first + 16 + 20 + 8;
    const std::size_t headers = second + 8 + 14 + 20 + 20;
    check_prefixes(frame, LinkType::ethernet, {},
        {{first, Counter::frame_outer_truncated}, {first + 16, Counter::frame_tunnel_truncated},
            {second, Counter::frame_inner_truncated}, {second + 8, Counter::frame_tunnel_truncated},
            {headers, Counter::frame_inner_truncated}});
}

TEST_CASE("decap: every prefix of a mirrored host's own tunnels in UDP", "[decap]") {
    const Octets frame = own_tunnels();
    const std::size_t mirror = 14 + 20 + 8;
    const std::size_t gpe = mirror + 8 + 14 + 20 + 8 + 8 + 20 + 8;
    const std::size_t teredo = gpe + 8 + 40 + 8;
    const std::size_t packet = teredo + 13 + 8 + 40;
    check_prefixes(frame, LinkType::ethernet, {},
        {{mirror, Counter::frame_outer_truncated}, {mirror + 8, Counter::frame_tunnel_truncated},
            {gpe, Counter::frame_inner_truncated}, {gpe + 8, Counter::frame_tunnel_truncated},
            {teredo, Counter::frame_inner_truncated}, {packet, Counter::frame_inner_not_tcp},
            {packet + 20, Counter::frame_inner_truncated}});
}

TEST_CASE("decap: every prefix of a plain frame, by link type", "[decap]") {
    DecapConfig plain;
    plain.accept_plain = true;
    const auto whole = [](PacketBuilder builder) { return builder.ipv4().tcp().payload("GET / HTTP/1.1").build(); };
    check_prefixes(
        whole(PacketBuilder().linux_sll()), LinkType::linux_sll, plain, {{56, Counter::frame_inner_truncated}});
    check_prefixes(
        whole(PacketBuilder().linux_sll2()), LinkType::linux_sll2, plain, {{60, Counter::frame_inner_truncated}});
    check_prefixes(
        whole(PacketBuilder().null_loopback()), LinkType::null_loopback, plain, {{44, Counter::frame_inner_truncated}});
    check_prefixes(whole(PacketBuilder()), LinkType::raw_ip, plain, {{40, Counter::frame_inner_truncated}});
    check_prefixes(whole(PacketBuilder().payload("\x0f\0\x08\0"sv)), LinkType::cisco_hdlc, plain,
        {{44, Counter::frame_inner_truncated}});
    check_prefixes(
        whole(PacketBuilder().payload("\0\x21"sv)), LinkType::ppp, plain, {{42, Counter::frame_inner_truncated}});
    check_prefixes(whole(PacketBuilder().payload("\x11\0\0\x07\0\x30\0\x21"sv)), LinkType::pppoe, plain,
        {{48, Counter::frame_inner_truncated}});
}

TEST_CASE("decap: padding behind a cut frame is not taken for its bytes", "[decap]") {
    // The mirror cut the inner packet, so nothing can stand behind it; the outer frame is padded by the last switch.
    Octets frame =
        PacketBuilder().eth().ipv4().udp().vxlan().eth().ipv4({.total_length = 100}).tcp().payload("GET /").build();
    frame.insert(frame.end(), 9, 0xdd);
    Segment segment;
    REQUIRE(name(Decapsulator({}).decap({frame, 1}, segment)) == "segments");
    CHECK(as_text(segment.payload) == "GET /");
    CHECK(segment.missing == 100 - 45);
}

TEST_CASE("decap: outer padding of a short frame is not payload even without an inner length", "[decap]") {
    Octets frame =
        PacketBuilder().eth().ipv4().udp().vxlan().eth().ipv4({.total_length = 0}).tcp().payload("GET /").build();
    frame.insert(frame.end(), 9, 0xdd);
    Segment segment;
    REQUIRE(name(Decapsulator({}).decap({frame, 1}, segment)) == "segments");
    CHECK(as_text(segment.payload) == "GET /");
}

TEST_CASE("decap: changed bytes never lead outside the frame", "[decap]") {
    const std::vector<Octets> frames{
        PacketBuilder().eth().ipv4().udp().vxlan().eth().ipv4().tcp().payload("GET /").build(),
        PacketBuilder()
            .eth()
            .ipv6()
            .extension()
            .udp({.to = 6081})
            .geneve({.options = Octets(8)})
            .ipv6()
            .extension()
            .extension({.type = 51, .length = 2, .body = Octets(14)})
            .tcp({.options = Octets(8)})
            .payload("GET /")
            .build(),
        PacketBuilder().eth().ipv4().udp({.to = 6081}).geneve().ipv4().udp().vxlan().eth().vlan().ipv6().tcp().build(),
        own_tunnels(),
    };
    DecapConfig plain;
    plain.accept_plain = true;
    const Decapsulator decapsulator(plain);
    std::mt19937 random(7);
    for (int i = 0; i < 60'000; ++i) {
        Octets frame = frames[random() % frames.size()];
        for (unsigned changes = 1 + random() % 4; changes > 0; --changes) {
            frame[random() % frame.size()] = static_cast<std::uint8_t>(random());
        }
        const Cut cut(frame, random() % 3 == 0 ? random() % frame.size() : frame.size());
        Segment segment;
        const Counter counter = decapsulator.decap({cut.view, 1, static_cast<LinkType>(random() % 8)}, segment);
        const CounterRole role = counter_table[static_cast<std::size_t>(counter)].role;
        REQUIRE((role == CounterRole::frame_out || role == CounterRole::frame_drop));
        if (counter != Counter::segments || segment.payload.empty()) continue;
        REQUIRE(segment.payload.data() >= cut.view.data());
        REQUIRE(segment.payload.data() + segment.payload.size() <= cut.view.data() + cut.view.size());
    }
}
