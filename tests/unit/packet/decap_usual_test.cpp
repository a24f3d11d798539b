// SPDX-License-Identifier: Apache-2.0
// The short way of the decapsulator against the one that takes any frame: where it answers, both see the same segment.
#include <array>
#include <string>

#include "packet/decap.h"
#include "support/catch.h"
#include "support/packet_builder.h"
#include "support/random.h"

using namespace rebuilder;
using namespace rebuilder::packet;
using rebuilder::test::Octets;
using rebuilder::test::PacketBuilder;

namespace {

// False when only the long way takes the frame, if it does.
bool usual(const Decapsulator& decapsulator, const Octets& frame) {
    const Frame whole{frame, 7};
    Segment segment;
    if (!decapsulator.decap_usual(whole, segment)) return false;
    Segment other;
    Origin origin;
    REQUIRE(decapsulator.decap_any(whole, other, nullptr, origin) == Counter::segments);
    REQUIRE(segment.key == other.key);
    REQUIRE(segment.sender == other.sender);
    REQUIRE(segment.flags == other.flags);
    REQUIRE(segment.seq == other.seq);
    REQUIRE(segment.ack == other.ack);
    REQUIRE(segment.payload.data() == other.payload.data());
    REQUIRE(segment.payload.size() == other.payload.size());
    REQUIRE(segment.missing == other.missing);
    REQUIRE(segment.time_ns == other.time_ns);
    return true;
}

Octets frame_of(const std::string& payload) {
    return PacketBuilder().eth().ipv4().udp().vxlan({.vni = 5}).eth().ipv4().tcp().payload(payload).build();
}

std::vector<Decapsulator> decapsulators() {
    DecapConfig plain;
    plain.accept_plain = true;
    DecapConfig filtered;
    filtered.vni_deny = {6};
    filtered.tcp_ports = {80};
    return {Decapsulator({}), Decapsulator(plain), Decapsulator(filtered)};
}

}  // namespace

TEST_CASE("decap, the usual frame: a mirror's is one, at any length", "[packet]") {
    for (const Decapsulator& decapsulator : decapsulators()) {
        for (const std::size_t size : {0U, 1U, 100U, 1460U})
            CHECK(usual(decapsulator, frame_of(std::string(size, 'x'))));
        Octets padded = frame_of("x");
        padded.resize(padded.size() + 40);
        CHECK(usual(decapsulator, padded));
        Octets cut = frame_of("xyz");
        cut.pop_back();
        CHECK_FALSE(usual(decapsulator, cut));
    }
    DecapConfig other_port;
    other_port.vxlan_ports = {8472};
    CHECK_FALSE(usual(Decapsulator(other_port), frame_of("x")));
    DecapConfig other_vni;
    other_vni.vni_allow = {6};
    CHECK_FALSE(usual(Decapsulator(other_vni), frame_of("x")));
}

TEST_CASE("decap, the usual frame: whatever its bytes are, both ways see the same", "[packet]") {
    test::Random random(3);
    INFO(random.seed());
    const std::vector<Decapsulator> both = decapsulators();
    const Octets made = frame_of("GET / HTTP/1.1");
    std::size_t taken = 0;
    for (int i = 0; i < 60'000; ++i) {
        Octets frame = made;
        for (std::size_t changes = 1 + random.below(3); changes != 0; --changes) {
            std::uint8_t& byte = frame[random.below(frame.size())];
            byte = static_cast<std::uint8_t>(random.one_in(2) ? byte + random.between(0, 4) - 2 : random.below(256));
        }
        if (random.one_in(4)) frame.resize(random.below(frame.size() + 20));
        taken += usual(random.of(both), frame);
    }
    CHECK(taken > 10'000);
    CHECK(taken < 50'000);
}
