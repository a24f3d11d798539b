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

const Udp gre_port{.to = 4754};
const Udp gpe_port{.to = 4790};
const Udp any_port{.to = 32900};
constexpr Address6 teredo_address{0x20, 0x01, 0, 0, 192, 0, 2, 1, 0x80, 0, 0xf1, 0x2a, 0x34, 0xff, 0x8e, 0xf8};

std::string teredo(const Ipv6& ip, std::string_view payload) {
    return text_of(PacketBuilder().ipv6(ip).tcp().payload(payload).build());
}

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

std::string in_udp(const Udp& udp, const std::string& body) {
    return text_of(PacketBuilder().ipv4().udp(udp).payload(body).build());
}
constexpr std::size_t ipv4_and_udp = 28;

// The same, of what stands behind a UDP header.
void found_in_udp(const char* name, const Udp& udp, const std::string& header, const std::string& rest) {
    found(name, 0x0800, in_udp(udp, header + rest).substr(0, ipv4_and_udp + header.size()), rest);
}

void refused(const char* name, const Octets& bytes, const char* counter) {
    INFO(name);
    CHECK(verdict_of(bytes) == counter);
}

void refused_in_udp(const char* name, const Udp& udp, const std::string& body, const char* counter) {
    refused(name, mirrored(0x0800).payload(in_udp(udp, body)).build(), counter);
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

TEST_CASE("encapsulation: GRE in UDP", "[encapsulation]") {
    found_in_udp("IPv4", gre_port, "\0\0\x08\0"s, ipv4);
    found_in_udp("a key, and a frame", gre_port, "\x20\0\x65\x58\1\2\3\4"s, frame);
    found_in_udp("ERSPAN type II", gre_port, "\x10\0\x88\xbe\0\0\0\x01\x10\0\0\0\0\0\0\0"s, frame);
    refused_in_udp("GRE version 1", gre_port, "\x20\x01\x88\x0b\0\0\0\0"s + ipv4, "frame_inner_not_ip");
    refused_in_udp(
        "cut by the UDP length", {.to = 4754, .length = 8 + 3}, "\0\0\x08\0"s + ipv4, "frame_inner_truncated");
    refused_in_udp("UDP length 7", {.to = 4754, .length = 7}, "\0\0\x08\0"s + ipv4, "frame_inner_bad_length");
    refused_in_udp("the port is the source's", {.from = 4754, .to = 4755}, "\0\0\x08\0"s + ipv4, "frame_inner_not_tcp");
}

TEST_CASE("encapsulation: VXLAN-GPE", "[encapsulation]") {
    found_in_udp("IPv4", gpe_port, "\x0c\0\0\x01\0\0\x05\0"s, ipv4);
    found_in_udp("IPv6", gpe_port, "\x0c\0\0\x02\0\0\x05\0"s, ipv6);
    found_in_udp("Ethernet", gpe_port, "\x0c\0\0\x03\0\0\x05\0"s, frame);
    found_in_udp("without the P flag it is VXLAN", gpe_port, "\x08\0\0\x01\0\0\x05\0"s, frame);
    found_in_udp("reserved bits, and B", gpe_port, "\xce\xff\xff\x01\0\0\x05\xff"s, ipv4);
    refused_in_udp("another protocol", gpe_port, "\x0c\0\0\x04\0\0\x05\0"s + ipv4, "frame_inner_not_ip");
    refused_in_udp("no I flag", gpe_port, "\x04\0\0\x01\0\0\x05\0"s + ipv4, "frame_vxlan_no_vni");
    refused_in_udp("OAM", gpe_port, "\x0d\0\0\x01\0\0\x05\0"s + ipv4, "frame_inner_not_ip");
    refused_in_udp("version 1", gpe_port, "\x1c\0\0\x01\0\0\x05\0"s + ipv4, "frame_inner_not_ip");
    refused_in_udp("version 2", gpe_port, "\x2c\0\0\x01\0\0\x05\0"s + ipv4, "frame_inner_not_ip");
    refused_in_udp("cut by the UDP length", {.to = 4790, .length = 8 + 7}, "\x0c\0\0\x01\0\0\x05\0"s + ipv4,
        "frame_tunnel_truncated");
}

TEST_CASE("encapsulation: Teredo", "[encapsulation]") {
    const std::string packet = teredo({.from = teredo_address}, "GET /");
    const std::string authentication = "\0\x01\x02\x03"
                                       "iiaaannnnnnnnc"s;
    const std::string empty_authentication = "\0\x01\0\0"
                                             "nnnnnnnnc"s;
    const std::string origin = "\0\0ppaaaa"s;
    found_in_udp("to a server", {.to = 3544}, "", packet);
    found_in_udp("between others", any_port, "", packet);
    found_in_udp("the other way", any_port, "", teredo({.to = teredo_address}, "GET /"));
    found_in_udp("to a server, addresses of others", {.to = 3544}, "", ipv6);
    found_in_udp("from a server, addresses of others", {.from = 3544, .to = 32900}, "", ipv6);
    found_in_udp("origin", {.from = 3544, .to = 32900}, origin, packet);
    found_in_udp("authentication", {.to = 3544}, authentication, packet);
    found_in_udp("authentication with empty fields", {.to = 3544}, empty_authentication, packet);
    found_in_udp("both", {.from = 3544, .to = 32900}, authentication + origin, packet);

    // What was cut off is missing; what stands behind the packet (RFC 6081, section 4.6) is not its payload.
    std::string payload;
    const Octets whole = mirrored(0x0800).payload(in_udp(any_port, origin + packet)).build();
    CHECK(verdict_of({whole.begin(), whole.end() - 2}, &payload) == "segments");
    CHECK(payload == "GET");
    CHECK(
        verdict_of(mirrored(0x0800).payload(in_udp(any_port, packet + "\x01\x02zz")).build(), &payload) == "segments");
    CHECK(payload == "GET /");
    // The datagram ends where UDP says, also when IPv6 says nothing.
    for (const auto& one : {packet, teredo({.from = teredo_address, .payload_length = 0}, "GET /")}) {
        const auto length = static_cast<std::uint16_t>(8 + origin.size() + one.size());
        CHECK(verdict_of(
                  mirrored(0x0800).payload(in_udp({.to = 32900, .length = length}, origin + one + "1234567")).build(),
                  &payload) == "segments");
        CHECK(payload == "GET /");
    }
}

TEST_CASE("encapsulation: datagrams that only resemble Teredo stay what they are", "[encapsulation]") {
    const auto stays = [](const char* name, const Udp& udp, const std::string& body) {
        refused_in_udp(name, udp, body, "frame_inner_not_tcp");
    };
    const std::string packet = teredo({.from = teredo_address}, "GET /");
    const auto exactly = static_cast<std::uint16_t>(8 + packet.size());
    stays("nothing", {.to = 3544}, "");
    stays("addresses of others", any_port, ipv6);
    stays("another version", {.to = 3544}, teredo({.from = teredo_address, .version = 4}, "GET /"));
    stays("longer than the datagram", {.to = 3544}, teredo({.from = teredo_address, .payload_length = 26}, "GET /"));
    stays("longer than UDP says", {.to = 3544, .length = exactly - 1}, packet);
    stays("longer than UDP says, with what is in front", {.to = 3544, .length = exactly + 7}, "\0\0ppaaaa"s + packet);
    stays("shorter than its header", {.to = 3544}, packet.substr(0, 39));
    stays("UDP length 7", {.to = 3544, .length = 7}, packet);
    stays("UDP length 0", {.to = 3544, .length = 0}, packet);
    stays("two origins", {.to = 3544}, "\0\0ppaaaa\0\0ppaaaa"s + packet);
    stays("an unknown indication", {.to = 3544}, "\0\2ppaaaa"s + packet);
    stays("authentication longer than the datagram", {.to = 3544},
        "\0\1\xff\xff"
        "nnnnnnnnc"s +
            packet);
}

TEST_CASE("encapsulation: tunnels in UDP count as the others do", "[encapsulation]") {
    const auto in_gre = [](const std::string& body) { return in_udp(gre_port, "\0\0\x08\0"s + body); };
    const auto in_gpe = [](const std::string& body) { return in_udp(gpe_port, "\x0c\0\0\x01\0\0\x05\0"s + body); };
    const auto in_teredo = [](const std::string& body) {
        const Octets datagram =
            PacketBuilder().ipv6({.to = teredo_address, .next = std::uint8_t{4}}).payload(body).build();
        return in_udp(any_port, text_of(datagram));
    };
    CHECK(verdict_of(mirrored(0x0800).payload(in_gre(in_gpe(in_ip(4, ipv4)))).build()) == "segments");
    CHECK(verdict_of(mirrored(0x0800).payload(in_gre(in_gre(in_gre(ipv4)))).build()) == "segments");
    CHECK(verdict_of(mirrored(0x0800).payload(in_gre(in_gre(in_gre(in_gre(ipv4))))).build()) == "frame_tunnel_nested");
    CHECK(verdict_of(mirrored(0x0800).payload(in_gpe(in_gpe(in_gpe(ipv4)))).build()) == "segments");
    CHECK(verdict_of(mirrored(0x0800).payload(in_gpe(in_gpe(in_gpe(in_gpe(ipv4))))).build()) == "frame_tunnel_nested");
    CHECK(verdict_of(mirrored(0x0800).payload(in_teredo(in_ip(4, ipv4))).build()) == "segments");
    CHECK(verdict_of(mirrored(0x0800).payload(in_teredo(in_teredo(ipv4))).build()) == "frame_tunnel_nested");
}

TEST_CASE("encapsulation: a tunnel of the mirrored host's own, inside another", "[encapsulation]") {
    // The innermost VNI is the one that counts, as for a mirror's VXLAN in a load balancer's GENEVE.
    const std::string vxlan =
        text_of(PacketBuilder().eth().ipv4().udp().vxlan({.vni = 5}).eth().ipv4().tcp().payload("GET /").build());
    found("GRE with a frame with VXLAN", 0x0800, in_ip(47, "\0\0\x65\x58"s + vxlan).substr(0, 24), vxlan);
    const std::string other = text_of(PacketBuilder().ipv6().udp().vxlan({.vni = 6}).eth().ipv4().tcp().build());
    DecapConfig config;
    config.vni_allow = {6};
    config.vni_deny = {5};
    Segment segment;
    const Octets bytes = mirrored(0x0800).payload(in_ip(47, "\0\0\x08\0"s + in_ip(41, other))).build();
    CHECK(Decapsulator(config).decap({bytes, 1}, segment) == Counter::segments);
    CHECK(segment.key.vni == 6);
}

TEST_CASE("encapsulation: outside, only the mirror's tunnels are taken", "[encapsulation]") {
    for (const std::uint8_t protocol : {protocol_ipv4, protocol_ipv6, protocol_gre}) {
        const std::string body = protocol == 47 ? "\0\0\x08\0"s + ipv4 : protocol == 41 ? ipv6 : ipv4;
        const Octets bytes = PacketBuilder().eth().ipv4().protocol(protocol, body).build();
        CHECK(verdict_of(bytes) == "frame_not_tunnel");
        CHECK(verdict_of(bytes, nullptr, true) == "segments");
    }
    for (const std::string& packet :
        {in_udp(gre_port, "\0\0\x08\0"s + ipv4), in_udp(gpe_port, "\x0c\0\0\x01\0\0\x05\0"s + ipv4),
            in_udp({.to = 3544}, teredo({.from = teredo_address}, "GET /"))}) {
        const Octets bytes = PacketBuilder().eth({.type = std::uint16_t{0x0800}}).payload(packet).build();
        CHECK(verdict_of(bytes) == "frame_not_tunnel");
        CHECK(verdict_of(bytes, nullptr, true) == "segments");
    }
}
