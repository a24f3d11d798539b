// SPDX-License-Identifier: Apache-2.0
// What a mirrored host wraps its own packets in, taken off behind the mirror's tunnel. The mirror's own tunnels are in
// decap_test.cpp.
#include "packet/encapsulation.h"

#include <string>
#include <vector>

#include "packet/decap.h"
#include "packet/ip.h"
#include "support/catch.h"
#include "support/packet_builder.h"

using namespace rebuilder;
using namespace rebuilder::packet;
using namespace rebuilder::test;
using namespace std::string_literals;

namespace {

std::string text_of(const Octets& octets) {
    return {octets.begin(), octets.end()};
}

// The bytes of IP packets and frames that hold "GET /".
const std::string ipv4 = text_of(PacketBuilder().ipv4().tcp().payload("GET /").build());
const std::string ipv6 = text_of(PacketBuilder().ipv6().tcp().payload("GET /").build());
const std::string frame = text_of(PacketBuilder().eth().ipv4().tcp().payload("GET /").build());

PacketBuilder mirrored(std::uint16_t ethertype) {
    return PacketBuilder().eth().ipv4().udp().vxlan({.vni = 5}).eth({.type = ethertype});
}

std::string verdict_of(const Octets& bytes, std::string* payload = nullptr, bool plain = false) {
    DecapConfig config;
    config.accept_plain = plain;
    Segment segment;
    const Counter verdict = Decapsulator(config).decap({bytes, 1}, segment);
    if (verdict == Counter::segments && payload != nullptr) *payload = as_text(segment.payload);
    if (verdict == Counter::segments && !plain) CHECK(segment.key.vni == 5);
    return std::string(counter_table[static_cast<std::size_t>(verdict)].name);
}

// Behind `ethertype` of the mirrored frame stand `header` and `rest`: the request is found; and with any byte of the
// header missing, it isn't, and nothing is read outside the frame.
void found(const char* name, std::uint16_t ethertype, const std::string& header, const std::string& rest) {
    INFO(name);
    std::string payload;
    CHECK(verdict_of(mirrored(ethertype).payload(header + rest).build(), &payload) == "segments");
    CHECK(payload == "GET /");
    for (std::size_t size = 0; size < header.size(); ++size) {
        INFO(size << " bytes of the header");
        const Octets whole = mirrored(ethertype).payload(header.substr(0, size)).build();
        CHECK(verdict_of(whole) != "segments");
    }
}

std::string in_ip(std::uint8_t protocol, const std::string& body) {
    return text_of(PacketBuilder().ipv4().protocol(protocol, body).build());
}

void refused(const char* name, const Octets& bytes, const char* counter) {
    INFO(name);
    CHECK(verdict_of(bytes) == counter);
}

}  // namespace

TEST_CASE("encapsulation: tags of the link", "[encapsulation]") {
    found("PPPoE with IPv4", 0x8864, "\x11\0\0\x07\0\x30\0\x21"s, ipv4);
    found("PPPoE with IPv6", 0x8864, "\x11\0\0\x07\0\x30\0\x57"s, ipv6);
    found("PPPoE with a compressed protocol number", 0x8864, "\x11\0\0\x07\0\x30\x21"s, ipv4);
    found("QinQ and PPPoE", 0x88a8, "\0\x07\x81\0\0\x08\x88\x64\x11\0\0\x07\0\x30\0\x21"s, ipv4);
    found("one MPLS label", 0x8847, "\0\x01\x01\x40"s, ipv4);
    found("three MPLS labels, IPv6", 0x8848, "\0\x01\0\x40\0\x02\0\x40\0\x03\x01\x40"s, ipv6);
    found("MPLS behind a VLAN tag", 0x8100, "\0\x07\x88\x47\0\x01\x01\x40"s, ipv4);
    found("LLC and SNAP", 0x0042, "\xaa\xaa\x03\0\0\0\x08\0"s, ipv4);
    refused("PPPoE with something else", mirrored(0x8864).payload("\x11\0\0\x07\0\x30\xc0\x21xxxx"s).build(),
        "frame_inner_not_ip");
    refused("MPLS with no IP behind it", mirrored(0x8847).payload("\0\x01\x01\x40\0\0\0\0"s + frame).build(),
        "frame_inner_not_ip");
    refused(
        "LLC without SNAP", mirrored(0x0042).payload("\x42\x42\x03\0\0\0\x08\0"s + ipv4).build(), "frame_inner_not_ip");
    refused("LLC of another organisation", mirrored(0x0042).payload("\xaa\xaa\x03\0\0\x0c\x08\0"s + ipv4).build(),
        "frame_inner_not_ip");
    std::string labels;
    for (int i = 0; i < 100; ++i) labels += "\0\x01\0\x40"s;
    refused("MPLS labels without end", mirrored(0x8847).payload(labels).build(), "frame_inner_not_ip");
}

TEST_CASE("encapsulation: IP in IP", "[encapsulation]") {
    found("4 in 4", 0x0800, in_ip(4, ipv4).substr(0, 20), ipv4);
    found("6 in 4", 0x0800, in_ip(41, ipv6).substr(0, 20), ipv6);
    std::string many = ipv4;
    for (int i = 0; i < 3; ++i) many = in_ip(4, many);
    std::string payload;
    CHECK(verdict_of(mirrored(0x0800).payload(many).build(), &payload) == "segments");
    CHECK(verdict_of(mirrored(0x0800).payload(in_ip(4, many)).build()) == "frame_tunnel_nested");
}

TEST_CASE("encapsulation: GRE and ERSPAN", "[encapsulation]") {
    const auto gre = [](const char* name, const std::string& header, const std::string& rest) {
        found(name, 0x0800, in_ip(47, header + rest).substr(0, 20) + header, rest);
    };
    gre("GRE with IPv4", "\0\0\x08\0"s, ipv4);
    gre("GRE with IPv6", "\0\0\x86\xdd"s, ipv6);
    gre("GRE with a frame", "\0\0\x65\x58"s, frame);
    gre("GRE with checksum, key and sequence number", "\xb0\0\x08\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c"s, ipv4);
    gre("GRE with a key", "\x20\0\x65\x58\1\2\3\4"s, frame);
    gre("GRE with MPLS", "\0\0\x88\x47\0\x01\x01\x40"s, ipv4);
    gre("ERSPAN type I", "\0\0\x88\xbe"s, frame);
    gre("ERSPAN type II", "\x10\0\x88\xbe\0\0\0\x01\x10\0\0\0\0\0\0\0"s, frame);
    gre("ERSPAN type III", "\x10\0\x22\xeb\0\0\0\x01\x20\0\0\0\0\0\0\0\0\0\0\0"s, frame);
    gre("ERSPAN type III with its second header",
        "\x10\0\x22\xeb\0\0\0\x01\x20\0\0\0\0\0\0\0\0\0\0\x01\1\2\3\4\5\6\7\x08"s, frame);
    refused("GRE version 1", mirrored(0x0800).payload(in_ip(47, "\x20\x01\x88\x0b\0\0\0\0"s + ipv4)).build(),
        "frame_inner_not_ip");
    refused(
        "GRE with routing", mirrored(0x0800).payload(in_ip(47, "\x40\0\x08\0"s + ipv4)).build(), "frame_inner_not_ip");
    refused("GRE with something else", mirrored(0x0800).payload(in_ip(47, "\0\0\x88\xcc"s + ipv4)).build(),
        "frame_inner_not_ip");
}

TEST_CASE("encapsulation: a tunnel of the mirrored host's own, inside another", "[encapsulation]") {
    // The innermost VNI is the one that counts, as for a mirror's VXLAN in a load balancer's GENEVE.
    const std::string vxlan =
        text_of(PacketBuilder().eth().ipv4().udp().vxlan({.vni = 5}).eth().ipv4().tcp().payload("GET /").build());
    found("GRE with a frame with VXLAN", 0x0800, in_ip(47, "\0\0\x65\x58"s + vxlan).substr(0, 24), vxlan);
}

TEST_CASE("encapsulation: outside, only the mirror's tunnels are taken", "[encapsulation]") {
    for (const std::uint8_t protocol : {protocol_ipv4, protocol_ipv6, protocol_gre}) {
        const std::string body = protocol == 47 ? "\0\0\x08\0"s + ipv4 : protocol == 41 ? ipv6 : ipv4;
        const Octets bytes = PacketBuilder().eth().ipv4().protocol(protocol, body).build();
        CHECK(verdict_of(bytes) == "frame_not_tunnel");
        CHECK(verdict_of(bytes, nullptr, true) == "segments");
    }
}
