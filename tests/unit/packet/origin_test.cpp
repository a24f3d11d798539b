// SPDX-License-Identifier: Apache-2.0
// Whom the decapsulator names as the mirror of a frame: for those that hold a segment, by both of its ways, and for refused ones.
#include "packet/origin.h"

#include "packet/decap.h"
#include "support/catch.h"
#include "support/packet_builder.h"

using namespace rebuilder;
using namespace rebuilder::packet;
using rebuilder::test::address4;
using rebuilder::test::key_address6;
using rebuilder::test::Octets;
using rebuilder::test::PacketBuilder;

namespace {

constexpr test::Ipv4 outer{.from = address4(192, 0, 2, 1), .to = address4(192, 0, 2, 2)};
constexpr test::Ipv4 gateway{.from = address4(192, 0, 2, 9), .to = address4(192, 0, 2, 2)};
const Origin eni{IpAddress::v4(0xc0000201), 7};

Origin origin_of(const Octets& frame, bool plain = false) {
    DecapConfig config;
    config.accept_plain = plain;
    Segment segment;
    Origin origin{IpAddress::v4(1), 1};  // of the frame before
    (void)Decapsulator(config).decap({frame, 1}, segment, nullptr, &origin);
    return origin;
}

PacketBuilder mirror() {
    return PacketBuilder().eth().ipv4(outer).udp().vxlan({.vni = 7}).eth();
}

}  // namespace

TEST_CASE("origin: of the usual frame, and of those that take the long way", "[packet]") {
    CHECK(origin_of(mirror().ipv4().tcp().payload("GET /").build()) == eni);
    CHECK(origin_of(mirror().ipv6().tcp().payload("GET /").build()) == eni);
    const Octets in_ipv6 = PacketBuilder().eth().ipv6().udp().vxlan({.vni = 7}).eth().ipv4().tcp().build();
    CHECK(origin_of(in_ipv6) == Origin{key_address6(1), 7});
    const Octets geneve =
        PacketBuilder().eth().ipv4(outer).udp({.to = 6081}).geneve({.vni = 7}).eth().ipv4().tcp().build();
    CHECK(origin_of(geneve) == eni);
}

TEST_CASE("origin: behind a gateway load balancer it is the mirror's, not the gateway's", "[packet]") {
    const Octets frame = PacketBuilder()
                             .eth()
                             .ipv4(gateway)
                             .udp({.to = 6081})
                             .geneve({.vni = 99})
                             .ipv4(outer)
                             .udp()
                             .vxlan({.vni = 7})
                             .eth()
                             .ipv4()
                             .tcp()
                             .build();
    CHECK(origin_of(frame) == eni);
}

TEST_CASE("origin: known of refused frames, too, once their tunnel is", "[packet]") {
    CHECK(origin_of(mirror().ipv4().udp({.to = 53}).payload("query").build()) == eni);
    CHECK(origin_of(PacketBuilder().eth().ipv4(outer).udp().vxlan({.vni = 7}).eth({.type = 0x0806}).build()) == eni);
}

TEST_CASE("origin: there is none without a tunnel", "[packet]") {
    const Octets plain = PacketBuilder().eth().ipv4(outer).tcp().payload("GET /").build();
    CHECK(origin_of(plain) == Origin{});
    CHECK(origin_of(plain, true) == Origin{});
    CHECK(origin_of(PacketBuilder().eth().ipv4(outer).udp().payload("\x08").build()) == Origin{});
    CHECK(origin_of({}) == Origin{});
}
