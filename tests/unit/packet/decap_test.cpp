// SPDX-License-Identifier: Apache-2.0
// A table of frames. Each entry: what it is, the frame, and the counter that must answer; for accepted frames the
// segment is compared as a whole.
// - link types, VLAN and QinQ, IPv4 and IPv6 outside and inside, in every pairing
// - VXLAN and GENEVE: flags, reserved bits, options, direct IP, each inside the other, too deep
// - lengths: padding, options, segmentation offload (0), lies in both directions
// - extension headers, fragments, atomic fragments
// - every refusal of decap.cpp, outside and inside
// - VNI and port filters, frames in no tunnel
#include "packet/decap.h"

#include <string>
#include <string_view>
#include <vector>

#include "support/catch.h"
#include "support/packet_builder.h"

using namespace rebuilder;
using namespace rebuilder::packet;
using rebuilder::test::address4;
using rebuilder::test::address6;
using rebuilder::test::key_address6;
using rebuilder::test::Octets;
using rebuilder::test::PacketBuilder;
using namespace std::string_view_literals;

namespace {

// Outer headers as a mirror sends them.
PacketBuilder mirror(std::uint32_t vni = 1) {
    return PacketBuilder()
        .eth()
        .ipv4({.from = address4(192, 0, 2, 1), .to = address4(192, 0, 2, 2)})
        .udp()
        .vxlan({.vni = vni});
}
PacketBuilder geneve(const test::Geneve& header = {}) {
    return PacketBuilder().eth().ipv4().udp({.to = 6081}).geneve(header);
}
// A request from 10.0.0.1:40000 to 10.0.0.2:80, seq 1000.
Octets with_request(PacketBuilder builder) {
    return builder.ipv4().tcp().payload("GET /").build();
}

struct Filter {
    bool plain = false;
    std::vector<std::uint32_t> allow{};
    std::vector<std::uint32_t> deny{};
    std::vector<std::uint16_t> tcp_ports{};
    std::vector<std::uint16_t> vxlan_ports{4789};
};
DecapConfig config_of(const Filter& filter) {
    DecapConfig config;
    config.accept_plain = filter.plain;
    config.vni_allow = filter.allow;
    config.vni_deny = filter.deny;
    config.tcp_ports = filter.tcp_ports;
    config.vxlan_ports = filter.vxlan_ports;
    return config;
}
const Filter plain{.plain = true};

struct Answer {
    Counter counter;
    Segment segment;
};

Answer decap(const Octets& bytes, const Filter& filter = {}, LinkType link = LinkType::ethernet) {
    const Decapsulator decapsulator(config_of(filter));
    Answer answer{};
    answer.counter = decapsulator.decap({bytes, 123, link}, answer.segment);
    return answer;
}

std::string name(Counter counter) {
    return std::string(counter_table[static_cast<std::size_t>(counter)].name);
}

const Endpoint client{IpAddress::v4(address4(10, 0, 0, 1)), 40000};
const Endpoint server{IpAddress::v4(address4(10, 0, 0, 2)), 80};
const Endpoint client6{key_address6(1), 40000};
const Endpoint server6{key_address6(2), 80};

struct Accepted {
    const char* description;
    Octets frame;
    Endpoint from = client;
    Endpoint to = server;
    std::uint32_t vni = 1;
    std::string payload = "GET /";
    std::uint32_t missing = 0;
    LinkType link = LinkType::ethernet;
    Filter filter{};
};

struct Refused {
    const char* description;
    Octets frame;
    Counter counter;
    Filter filter{};
    LinkType link = LinkType::ethernet;
};

// An extension header of 8 bytes per unit of `length` + 1 (authentication: 4 per unit of `length` + 2).
test::Extension extension(std::uint8_t type, std::uint8_t length = 0) {
    const std::size_t size = type == 51 ? (length + 2u) * 4 : (length + 1u) * 8;
    return {.type = type, .length = length, .body = Octets(size - 2)};
}
test::Extension fragment_header(std::uint8_t offset_high, std::uint8_t offset_low) {
    return {.type = 44, .body = {offset_high, offset_low, 1, 2, 3, 4}};
}

PacketBuilder outer() {
    return PacketBuilder().eth();
}
PacketBuilder inner() {
    return mirror().eth();
}
const Filter allow_9{.allow = {9}};

void accept(const Accepted& test) {
    INFO(test.description);
    const Answer answer = decap(test.frame, test.filter, test.link);
    CHECK(name(answer.counter) == "segments");
    FlowKey key;
    const Side side = FlowKey::make(test.from, test.to, test.vni, key);
    CHECK(answer.segment.key == key);
    CHECK(answer.segment.sender == side);
    CHECK(as_text(answer.segment.payload) == test.payload);
    CHECK(answer.segment.missing == test.missing);
    CHECK(answer.segment.seq == 1000);
    CHECK(answer.segment.ack == 2000);
    CHECK(answer.segment.flags == 0x18);
    CHECK(answer.segment.time_ns == 123);
}

void refuse(const Refused& test) {
    INFO(test.description);
    CHECK(name(decap(test.frame, test.filter, test.link).counter) == name(test.counter));
}

}  // namespace

TEST_CASE("decap accepts: address families and VLAN tags", "[decap]") {
    accept({.description = "VXLAN, IPv4 in IPv4", .frame = with_request(mirror().eth())});
    accept({.description = "largest VNI", .frame = with_request(mirror(0xffffff).eth()), .vni = 0xffffff});
    accept({.description = "VNI 0", .frame = with_request(mirror(0).eth()), .vni = 0});
    accept({.description = "VXLAN, IPv6 in IPv4",
        .frame = mirror().eth().ipv6().tcp().payload("GET /").build(),
        .from = client6,
        .to = server6});
    accept({.description = "VXLAN, IPv4 in IPv6",
        .frame = with_request(PacketBuilder().eth().ipv6().udp().vxlan().eth())});
    accept({.description = "VXLAN, IPv6 in IPv6",
        .frame = PacketBuilder().eth().ipv6().udp().vxlan().eth().ipv6().tcp().payload("GET /").build(),
        .from = client6,
        .to = server6});
    accept(
        {.description = "outer VLAN", .frame = with_request(PacketBuilder().eth().vlan().ipv4().udp().vxlan().eth())});
    accept({.description = "inner VLAN", .frame = with_request(mirror().eth().vlan())});
    accept({.description = "inner QinQ", .frame = with_request(mirror().eth().vlan({.tpid = 0x88a8}).vlan())});
    accept({.description = "old QinQ ethertype", .frame = with_request(mirror().eth().vlan({.tpid = 0x9100}).vlan())});
    accept({.description = "four tags", .frame = with_request(mirror().eth().vlan().vlan().vlan().vlan())});
}

TEST_CASE("decap accepts: headers with more in them", "[decap]") {
    accept({.description = "outer IPv4 options",
        .frame = with_request(PacketBuilder().eth().ipv4({.options = Octets(8, 1)}).udp().vxlan().eth())});
    accept({.description = "inner IPv4 options, all 40 bytes",
        .frame = mirror().eth().ipv4({.options = Octets(40, 1)}).tcp().payload("GET /").build()});
    accept({.description = "TCP options",
        .frame = mirror().eth().ipv4().tcp({.options = Octets(12, 1)}).payload("GET /").build()});
    accept({.description = "all TCP options there can be",
        .frame = mirror().eth().ipv4().tcp({.options = Octets(40, 1)}).payload("GET /").build()});
    accept({.description = "VXLAN reserved bits",
        .frame = with_request(
            PacketBuilder().eth().ipv4().udp().vxlan({.flags = 0xff, .reserved = 0xabcdef, .last = 0xff}).eth())});
    accept({.description = "don't-fragment and the reserved flag",
        .frame = mirror().eth().ipv4({.fragment = 0xc000}).tcp().payload("GET /").build()});
}

TEST_CASE("decap accepts: payload ends where the inner length says", "[decap]") {
    accept({.description = "no payload", .frame = mirror().eth().ipv4().tcp().build(), .payload = ""});
    accept({.description = "no payload, inner padding",
        .frame = mirror().eth().ipv4().tcp().padding(6).build(),
        .payload = ""});
    accept({.description = "inner padding", .frame = mirror().eth().ipv4().tcp().payload("GET /").padding(1).build()});
    accept({.description = "inner padding, IPv6",
        .frame = mirror().eth().ipv6().tcp().payload("GET /").padding(9).build(),
        .from = client6,
        .to = server6});
    accept({.description = "IPv4 total length 0 (segmentation offload)",
        .frame = mirror().eth().ipv4({.total_length = 0}).tcp().payload("GET /").build()});
    accept({.description = "IPv6 payload length 0",
        .frame = mirror().eth().ipv6({.payload_length = 0}).tcp().payload("GET /").build(),
        .from = client6,
        .to = server6});
    accept({.description = "total length promises 7 more",
        .frame = mirror().eth().ipv4({.total_length = 20 + 20 + 5 + 7}).tcp().payload("GET /").build(),
        .missing = 7});
    accept({.description = "IPv6 promises 7 more",
        .frame = mirror().eth().ipv6({.payload_length = 20 + 5 + 7}).tcp().payload("GET /").build(),
        .from = client6,
        .to = server6,
        .missing = 7});
    accept({.description = "outer lengths lie upwards",
        .frame = with_request(PacketBuilder().eth().ipv4({.total_length = 9000}).udp({.length = 9000}).vxlan().eth())});
    accept({.description = "outer total length 0",
        .frame = with_request(PacketBuilder().eth().ipv4({.total_length = 0}).udp().vxlan().eth())});
}

TEST_CASE("decap accepts: extension headers", "[decap]") {
    accept({.description = "extension headers of every kind",
        .frame = mirror()
                     .eth()
                     .ipv6()
                     .extension(extension(0))
                     .extension(extension(60, 2))
                     .extension(extension(43, 1))
                     .extension(extension(51, 4))
                     .extension(extension(135))
                     .extension(extension(139))
                     .extension(extension(140))
                     .tcp()
                     .payload("GET /")
                     .build(),
        .from = client6,
        .to = server6});
    accept({.description = "outer extension header",
        .frame = with_request(PacketBuilder().eth().ipv6().extension(extension(60)).udp().vxlan().eth())});
    accept({.description = "largest extension header",
        .frame = mirror().eth().ipv6().extension(extension(60, 255)).tcp().payload("GET /").build(),
        .from = client6,
        .to = server6});
    accept({.description = "authentication header in IPv6 only counts in words of four",
        .frame = mirror().eth().ipv6().extension(extension(51, 1)).tcp().payload("GET /").build(),
        .from = client6,
        .to = server6});
    accept({.description = "atomic fragment (RFC 6946), reserved bits set",
        .frame = mirror().eth().ipv6().extension(fragment_header(0x00, 0x06)).tcp().payload("GET /").build(),
        .from = client6,
        .to = server6});
}

TEST_CASE("decap accepts: tunnels", "[decap]") {
    accept({.description = "GENEVE, Ethernet", .frame = with_request(geneve({.vni = 9}).eth()), .vni = 9});
    accept({.description = "GENEVE, IPv4 without Ethernet", .frame = with_request(geneve())});
    accept({.description = "GENEVE, IPv6 without Ethernet",
        .frame = geneve().ipv6().tcp().payload("GET /").build(),
        .from = client6,
        .to = server6});
    accept({.description = "GENEVE with options", .frame = with_request(geneve({.options = Octets(32, 0xab)}).eth())});
    accept({.description = "GENEVE with all options there can be",
        .frame = with_request(geneve({.options = Octets(63 * 4, 0xab)}).eth())});
    accept({.description = "GENEVE with critical options and reserved bits",
        .frame = with_request(geneve({.flags = 0x7f, .options = Octets(8, 0xab)}))});
    accept({.description = "GENEVE holding VXLAN: the innermost VNI counts",
        .frame = with_request(geneve({.vni = 5}).ipv4().udp().vxlan({.vni = 6}).eth()),
        .vni = 6});
    accept({.description = "VXLAN holding GENEVE",
        .frame = with_request(mirror(5).eth().ipv4().udp({.to = 6081}).geneve({.vni = 6})),
        .vni = 6});
    accept({.description = "VXLAN holding VXLAN-GPE: the innermost VNI counts",
        .frame = with_request(mirror(5).eth().ipv4().udp({.to = 4790}).vxlan({.vni = 6, .flags = 0x0c, .reserved = 1})),
        .vni = 6,
        .filter = {.allow = {6}}});
    accept({.description = "three tunnels",
        .frame =
            with_request(mirror(5).eth().ipv4().udp().vxlan({.vni = 6}).eth().ipv6().udp().vxlan({.vni = 7}).eth()),
        .vni = 7});
}

TEST_CASE("decap accepts: link types", "[decap]") {
    const Octets v6_request = PacketBuilder().ipv6().tcp().payload("GET /").build();
    accept({.description = "plain", .frame = with_request(PacketBuilder().eth()), .vni = no_vni, .filter = plain});
    accept({.description = "plain is asked for, and it's a tunnel",
        .frame = with_request(mirror(3).eth()),
        .vni = 3,
        .filter = plain});
    accept({.description = "raw IPv4",
        .frame = with_request(PacketBuilder()),
        .vni = no_vni,
        .link = LinkType::raw_ip,
        .filter = plain});
    accept({.description = "raw IPv6",
        .frame = v6_request,
        .from = client6,
        .to = server6,
        .vni = no_vni,
        .link = LinkType::raw_ip,
        .filter = plain});
    accept({.description = "raw IP around a tunnel",
        .frame = with_request(PacketBuilder().ipv4().udp().vxlan().eth()),
        .link = LinkType::raw_ip});
    accept({.description = "Linux cooked",
        .frame = with_request(PacketBuilder().linux_sll()),
        .vni = no_vni,
        .link = LinkType::linux_sll,
        .filter = plain});
    accept({.description = "Linux cooked v2",
        .frame = with_request(PacketBuilder().linux_sll2()),
        .vni = no_vni,
        .link = LinkType::linux_sll2,
        .filter = plain});
    accept({.description = "BSD loopback",
        .frame = with_request(PacketBuilder().null_loopback()),
        .vni = no_vni,
        .link = LinkType::null_loopback,
        .filter = plain});
    accept({.description = "BSD loopback, IPv6",
        .frame = PacketBuilder().null_loopback().ipv6().tcp().payload("GET /").build(),
        .from = client6,
        .to = server6,
        .vni = no_vni,
        .link = LinkType::null_loopback,
        .filter = plain});
}

TEST_CASE("decap accepts: link types of serial lines", "[decap]") {
    const auto plain_ipv4 = [](const char* description, LinkType link, std::string_view header) {
        accept({.description = description,
            .frame = with_request(PacketBuilder().payload(header)),
            .vni = no_vni,
            .link = link,
            .filter = plain});
    };
    const auto plain_ipv6 = [](const char* description, LinkType link, std::string_view header) {
        accept({.description = description,
            .frame = PacketBuilder().payload(header).ipv6().tcp().payload("GET /").build(),
            .from = client6,
            .to = server6,
            .vni = no_vni,
            .link = link,
            .filter = plain});
    };
    plain_ipv4("Cisco HDLC", LinkType::cisco_hdlc, "\x0f\0\x08\0"sv);
    plain_ipv6("Cisco HDLC, multicast, IPv6", LinkType::cisco_hdlc, "\x8f\0\x86\xdd"sv);
    plain_ipv4("Cisco HDLC, MPLS", LinkType::cisco_hdlc, "\x0f\0\x88\x47\0\x01\x01\x40"sv);
    plain_ipv4("PPP", LinkType::ppp, "\0\x21"sv);
    plain_ipv6("PPP, compressed, IPv6", LinkType::ppp, "\x57"sv);
    plain_ipv4("PPP in HDLC's framing", LinkType::ppp, "\xff\x03\0\x21"sv);
    plain_ipv6("PPP in HDLC's framing, compressed, IPv6", LinkType::ppp, "\xff\x03\x57"sv);
    plain_ipv4("PPPoE", LinkType::pppoe, "\x11\0\0\x07\0\x30\0\x21"sv);
    plain_ipv6("PPPoE, IPv6", LinkType::pppoe, "\x11\0\0\x07\0\x30\0\x57"sv);
    accept({.description = "Cisco HDLC around a tunnel",
        .frame = with_request(PacketBuilder().payload("\x0f\0\x08\0"sv).ipv4().udp().vxlan().eth()),
        .link = LinkType::cisco_hdlc});
}

TEST_CASE("decap accepts: filters let pass", "[decap]") {
    accept({.description = "port filter: destination",
        .frame = with_request(mirror().eth()),
        .filter = {.tcp_ports = {443, 80}}});
    accept({.description = "port filter: source",
        .frame = with_request(mirror().eth()),
        .filter = {.tcp_ports = {40000}}});
    accept({.description = "other tunnel ports",
        .frame = with_request(PacketBuilder().eth().ipv4().udp({.to = 8472}).vxlan().eth()),
        .filter = {.vxlan_ports = {4789, 8472}}});
    accept({.description = "VXLAN-GPE's port, if it is the mirror's: VXLAN",
        .frame = with_request(outer().ipv4().udp({.to = 4790}).vxlan({.flags = 0x0c, .reserved = 1}).eth()),
        .filter = {.vxlan_ports = {4790}}});
    accept({.description = "VNI allowed",
        .frame = with_request(mirror(7).eth()),
        .vni = 7,
        .filter = {.allow = {1, 7}, .deny = {8}}});
    accept({.description = "VNI not denied",
        .frame = with_request(mirror(7).eth()),
        .vni = 7,
        .filter = {.deny = {8, 6}}});
    accept({.description = "the outer of two VNIs is not filtered (allow)",
        .frame = with_request(geneve({.vni = 5}).ipv4().udp().vxlan({.vni = 6}).eth()),
        .vni = 6,
        .filter = {.allow = {6}}});
    accept({.description = "the outer of two VNIs is not filtered (deny)",
        .frame = with_request(geneve({.vni = 5}).ipv4().udp().vxlan({.vni = 6}).eth()),
        .vni = 6,
        .filter = {.deny = {5}}});
    accept({.description = "plain frames have no VNI to filter",
        .frame = with_request(PacketBuilder().eth()),
        .vni = no_vni,
        .filter = {.plain = true, .allow = {6}}});
}

TEST_CASE("decap refuses: outside", "[decap]") {
    refuse({"nothing", {}, Counter::frame_outer_truncated});
    refuse({"ARP", outer().eth({.type = 0x0806}).build(), Counter::frame_not_tunnel});
    refuse({"802.3 length", outer().eth({.type = 0x0026}).build(), Counter::frame_not_tunnel});
    refuse({"five tags", with_request(outer().vlan().vlan().vlan().vlan().vlan()), Counter::frame_not_tunnel});
    refuse(
        {"not a tunnel port", with_request(outer().ipv4().udp({.to = 53}).vxlan().eth()), Counter::frame_not_tunnel});
    refuse({"the source port is no tunnel port",
        with_request(outer().ipv4().udp({.from = 4789, .to = 53}).vxlan().eth()), Counter::frame_not_tunnel});
    refuse({"TCP outside", with_request(outer()), Counter::frame_not_tunnel});
    refuse({"ICMP outside", outer().ipv4().protocol(1, "12345678").build(), Counter::frame_not_tunnel});
    refuse({"IP version 5 under IPv4's ethertype", with_request(outer().ipv4({.version = 5}).udp().vxlan().eth()),
        Counter::frame_outer_truncated});
    refuse({"IP version 4 under IPv6's ethertype", with_request(outer().ipv6({.version = 4}).udp().vxlan().eth()),
        Counter::frame_outer_truncated});
    refuse({"header length 16", with_request(outer().ipv4({.header_words = 4}).udp().vxlan().eth()),
        Counter::frame_outer_truncated});
    refuse({"total length 19", with_request(outer().ipv4({.total_length = 19}).udp().vxlan().eth()),
        Counter::frame_outer_truncated});
    refuse({"outer total length ends in the UDP header",
        with_request(outer().ipv4({.total_length = 27}).udp().vxlan().eth()), Counter::frame_outer_truncated});
    refuse({"UDP length 7", with_request(outer().ipv4().udp({.length = 7}).vxlan().eth()),
        Counter::frame_outer_truncated});
    refuse({"UDP length 0", with_request(outer().ipv4().udp({.length = 0}).vxlan().eth()),
        Counter::frame_outer_truncated});
    refuse({"first outer fragment", with_request(outer().ipv4({.fragment = 0x2000}).udp().vxlan().eth()),
        Counter::frame_outer_fragment});
    refuse({"last outer fragment", with_request(outer().ipv4({.fragment = 0x0001}).udp().vxlan().eth()),
        Counter::frame_outer_fragment});
    refuse({"outer IPv6 fragment", with_request(outer().ipv6().extension(fragment_header(0, 1)).udp().vxlan().eth()),
        Counter::frame_outer_fragment});
    refuse({"outer fragment of TCP", outer().ipv4({.fragment = 0x2000}).tcp().build(), Counter::frame_not_tunnel});
    refuse({"outer extension header cut by the length",
        outer().ipv6({.payload_length = 1, .next = 60}).payload("12345678").build(), Counter::frame_outer_truncated});
    refuse({"raw IP of version 5", {0x50, 0, 0, 0}, Counter::frame_not_tunnel, {}, LinkType::raw_ip});
    refuse({"raw IP, nothing", {}, Counter::frame_outer_truncated, {}, LinkType::raw_ip});
    refuse({"loopback without a packet", {2, 0, 0, 0}, Counter::frame_outer_truncated, {}, LinkType::null_loopback});
    refuse({"loopback cut", {2, 0, 0}, Counter::frame_outer_truncated, {}, LinkType::null_loopback});
    refuse({"cooked cut", Octets(15), Counter::frame_outer_truncated, {}, LinkType::linux_sll});
    refuse({"cooked v2 cut", Octets(19), Counter::frame_outer_truncated, {}, LinkType::linux_sll2});
    refuse({"Cisco HDLC cut", {0x0f, 0, 8}, Counter::frame_outer_truncated, {}, LinkType::cisco_hdlc});
    refuse({"Cisco HDLC's keep-alive", {0x8f, 0, 0x80, 0x35, 0, 0, 0, 2}, Counter::frame_not_tunnel, {},
        LinkType::cisco_hdlc});
    refuse({"PPP cut", {0xff, 3, 0}, Counter::frame_outer_truncated, {}, LinkType::ppp});
    refuse({"PPP's own protocol", {0xff, 3, 0xc0, 0x21, 1, 1, 0, 4}, Counter::frame_not_tunnel, {}, LinkType::ppp});
    refuse({"PPPoE cut", {0x11, 0, 0, 7, 0}, Counter::frame_outer_truncated, {}, LinkType::pppoe});
}

TEST_CASE("decap refuses: tunnel headers", "[decap]") {
    refuse({"VXLAN cut by the UDP length", with_request(outer().ipv4().udp({.length = 8 + 7}).vxlan().eth()),
        Counter::frame_tunnel_truncated});
    refuse({"VXLAN without the I flag", with_request(outer().ipv4().udp().vxlan({.flags = 0xf7}).eth()),
        Counter::frame_vxlan_no_vni});
    refuse(
        {"GENEVE cut", outer().ipv4().udp({.to = 6081}).payload("1234567").build(), Counter::frame_tunnel_truncated});
    refuse({"GENEVE options cut", geneve({.option_words = 63}).ipv4().tcp().build(), Counter::frame_tunnel_truncated});
    refuse({"GENEVE version 1", with_request(geneve({.version = 1})), Counter::frame_geneve_unsupported});
    refuse({"GENEVE control packet", with_request(geneve({.flags = 0x80})), Counter::frame_geneve_unsupported});
    refuse({"five tunnels",
        with_request(mirror()
                         .eth()
                         .ipv4()
                         .udp()
                         .vxlan()
                         .eth()
                         .ipv4()
                         .udp()
                         .vxlan()
                         .eth()
                         .ipv4()
                         .udp()
                         .vxlan()
                         .eth()
                         .ipv4()
                         .udp()
                         .vxlan()
                         .eth()),
        Counter::frame_tunnel_nested});
}

TEST_CASE("decap refuses: inside", "[decap]") {
    refuse({"nothing in the tunnel", mirror().build(), Counter::frame_inner_truncated});
    refuse({"nothing in GENEVE", geneve({.type = 0x0800}).build(), Counter::frame_inner_truncated});
    refuse({"GENEVE holding something else", geneve({.type = 0x88cc}).payload("LLDP").build(),
        Counter::frame_inner_not_ip});
    refuse({"inner ARP", inner().eth({.type = 0x0806}).build(), Counter::frame_inner_not_ip});
    refuse({"inner eight tags", with_request(inner().vlan().vlan().vlan().vlan().vlan().vlan().vlan().vlan()),
        Counter::frame_inner_not_ip});
    refuse({"inner version 6 under IPv4's ethertype", inner().ipv4({.version = 6}).tcp().build(),
        Counter::frame_inner_bad_length});
    refuse({"inner version 5 under IPv6's ethertype", inner().ipv6({.version = 5}).tcp().build(),
        Counter::frame_inner_bad_length});
    refuse(
        {"inner header length 16", inner().ipv4({.header_words = 4}).tcp().build(), Counter::frame_inner_bad_length});
    refuse({"inner header longer than the packet", inner().ipv4({.header_words = 15}).tcp().build(),
        Counter::frame_inner_truncated});
    refuse(
        {"inner total length 19", inner().ipv4({.total_length = 19}).tcp().build(), Counter::frame_inner_bad_length});
    refuse({"inner total length inside the options",
        inner().ipv4({.total_length = 20, .options = Octets(4)}).tcp().build(), Counter::frame_inner_bad_length});
    refuse({"inner total length ends in the TCP header",
        inner().ipv4({.total_length = 39}).tcp().payload("GET /").build(), Counter::frame_inner_bad_length});
    refuse({"first inner fragment", inner().ipv4({.fragment = 0x2000}).tcp().build(), Counter::frame_inner_fragment});
    refuse({"last inner fragment", inner().ipv4({.fragment = 0x1fff}).tcp().build(), Counter::frame_inner_fragment});
    refuse({"inner IPv6 first fragment", inner().ipv6().extension(fragment_header(0, 1)).tcp().build(),
        Counter::frame_inner_fragment});
    refuse({"inner IPv6 last fragment", inner().ipv6().extension(fragment_header(0, 8)).tcp().build(),
        Counter::frame_inner_fragment});
    refuse({"inner IPv6 far fragment", inner().ipv6().extension(fragment_header(0x80, 0)).tcp().build(),
        Counter::frame_inner_fragment});
    refuse({"extension header longer than the packet",
        inner().ipv6().extension({.type = 60, .length = 255}).tcp().build(), Counter::frame_inner_truncated});
    refuse({"one byte of an extension header", inner().ipv6({.next = 43}).payload("1").build(),
        Counter::frame_inner_truncated});
    refuse({"one byte of an authentication header", inner().ipv6({.next = 51}).payload("1").build(),
        Counter::frame_inner_truncated});
    refuse(
        {"fragment header cut", inner().ipv6({.next = 44}).payload("1234567").build(), Counter::frame_inner_truncated});
    refuse({"eight extension headers",
        inner()
            .ipv6()
            .extension()
            .extension()
            .extension()
            .extension()
            .extension()
            .extension()
            .extension()
            .extension()
            .tcp()
            .build(),
        Counter::frame_inner_bad_length});
    refuse({"no next header", inner().ipv6({.next = 59}).payload("12345678").build(), Counter::frame_inner_not_tcp});
    refuse({"ICMP", inner().ipv4().protocol(1, "12345678").build(), Counter::frame_inner_not_tcp});
    refuse({"DNS", inner().ipv4().udp({.to = 53}).payload("query").build(), Counter::frame_inner_not_tcp});
    refuse({"inner UDP header cut", inner().ipv4().protocol(17, "1234567").build(), Counter::frame_inner_truncated});
    refuse({"inner tunnel with UDP length 7", inner().ipv4().udp({.length = 7}).vxlan().build(),
        Counter::frame_inner_bad_length});
    refuse({"inner VXLAN cut", inner().ipv4().udp().payload("1234567").build(), Counter::frame_tunnel_truncated});
    refuse({"TCP header of 19 bytes", inner().ipv4().protocol(6, "1234567890123456789").build(),
        Counter::frame_inner_bad_length});
    refuse({"TCP data offset 4", inner().ipv4().tcp({.header_words = 4}).payload("GET /").build(),
        Counter::frame_inner_bad_length});
    refuse({"TCP data offset 4 in a packet that was cut",
        inner().ipv4({.total_length = 60}).tcp({.header_words = 4}).payload("GET /").build(),
        Counter::frame_inner_bad_length});
    refuse({"TCP data offset behind the packet", inner().ipv4().tcp({.header_words = 7}).payload("GET /").build(),
        Counter::frame_inner_bad_length});
    refuse({"TCP header cut by the mirror",
        inner().ipv4({.total_length = 60}).protocol(6, "1234567890123456789").build(), Counter::frame_inner_truncated});
    refuse({"TCP options cut by the mirror",
        inner().ipv4({.total_length = 60}).tcp({.header_words = 8}).payload("1234567").build(),
        Counter::frame_inner_truncated});
    refuse({"port filter", with_request(inner()), Counter::frame_port_refused, {.tcp_ports = {443, 8080}}});
}

TEST_CASE("decap refuses: refused VNIs, whatever else is wrong inside", "[decap]") {
    refuse({"VNI not allowed", with_request(inner()), Counter::frame_vni_refused, allow_9});
    refuse({"VNI denied", with_request(inner()), Counter::frame_vni_refused, {.deny = {1}}});
    refuse({"VNI allowed and denied", with_request(inner()), Counter::frame_vni_refused, {.allow = {1}, .deny = {1}}});
    refuse({"VNI not allowed, ARP", inner().eth({.type = 0x0806}).build(), Counter::frame_vni_refused, allow_9});
    refuse(
        {"VNI not allowed, ICMP", inner().ipv4().protocol(1, "12345678").build(), Counter::frame_vni_refused, allow_9});
    refuse({"VNI not allowed, fragment", inner().ipv4({.fragment = 1}).tcp().build(), Counter::frame_vni_refused,
        allow_9});
    refuse({"VNI not allowed, IP in IP", inner().ipv4().ipv4().tcp().build(), Counter::frame_vni_refused, allow_9});
    refuse({"VNI not allowed, GRE", with_request(inner().ipv4().protocol(47, "\0\0\x08\0"sv)),
        Counter::frame_vni_refused, allow_9});
    refuse(
        {"VNI not allowed, GRE cut", inner().ipv4().protocol(47, "123").build(), Counter::frame_vni_refused, allow_9});
    refuse({"VNI not allowed, cut", mirror().payload("123").build(), Counter::frame_vni_refused, allow_9});
    refuse({"VNI not allowed, UDP header cut", inner().ipv4().protocol(17, "1234567").build(),
        Counter::frame_vni_refused, allow_9});
    refuse({"the inner VNI is refused", with_request(geneve({.vni = 9}).ipv4().udp().vxlan({.vni = 6}).eth()),
        Counter::frame_vni_refused, allow_9});
}

TEST_CASE("decap refuses: plain frames that were asked for", "[decap]") {
    refuse({"plain ARP", outer().eth({.type = 0x0806}).build(), Counter::frame_inner_not_ip, plain});
    refuse({"plain UDP", outer().ipv4().udp({.to = 53}).payload("query").build(), Counter::frame_inner_not_tcp, plain});
    refuse({"plain UDP cut", outer().ipv4().protocol(17, "1234567").build(), Counter::frame_inner_truncated, plain});
    refuse({"plain fragment", outer().ipv4({.fragment = 1}).tcp().build(), Counter::frame_inner_fragment, plain});
}

TEST_CASE("decap: the payload is a view of the frame", "[decap]") {
    const Octets frame = with_request(mirror().eth());
    const Answer answer = decap(frame);
    CHECK(answer.segment.payload.data() == frame.data() + frame.size() - 5);
}

TEST_CASE("decap: a response has the request's key and the other side", "[decap]") {
    const Answer request = decap(with_request(mirror().eth()));
    const Octets frame = mirror()
                             .eth()
                             .ipv4({.from = address4(10, 0, 0, 2), .to = address4(10, 0, 0, 1)})
                             .tcp({.from = 80, .to = 40000})
                             .build();
    const Answer response = decap(frame);
    CHECK(response.segment.key == request.segment.key);
    CHECK(response.segment.sender == opposite(request.segment.sender));
}

// Every reason to refuse a frame is reached by the tables above or by a filter; one that is added needs a line.
TEST_CASE("decap: the counters of refused frames are those tested here", "[decap]") {
    std::size_t drops = 0;
    for (const CounterInfo& info : counter_table) drops += info.role == CounterRole::frame_drop ? 1 : 0;
    // frame_bad_checksum is in decap_checksum_test.cpp, frame_fragment_refused in fragments_test.cpp, frame_to_output in
    // own_outputs_test.cpp, and frame_while_draining is the exception path's.
    CHECK(drops == 18);
}
