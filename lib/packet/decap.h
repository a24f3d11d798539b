// SPDX-License-Identifier: Apache-2.0
// Decapsulator: one mirrored frame in, its one inner TCP segment out.
//
// In:   a Frame: Ethernet, IPv4 or IPv6, UDP, then VXLAN (RFC 7348) or GENEVE (RFC 8926), then the mirrored frame, in
//       which GENEVE may hold VXLAN (a gateway load balancer in the path of a mirror), and in which the mirrored host
//       may itself use VLANs, MPLS, PPPoE, IP in IP, GRE (in UDP, too), ERSPAN, VXLAN-GPE or Teredo. Fragments on
//       either level, with a table to put them together in.
// Out:  a Segment, a view of the frame's bytes or of the fragment table's; or the counter that says why there is none.
// Lengths come from the IP headers, never from the frame, so padding is not payload; a frame that was cut keeps the
// bytes it has, and Segment::missing says how many it lost. Checksums are not looked at, as mirrors show offloaded ones,
// unless the configuration wants the innermost packet's verified; those around it never are. Reserved bits are ignored.
// Never allocates, never reads outside the frame.
#pragma once

#include <bitset>
#include <cstdint>
#include <vector>

#include "base/counters.h"
#include "packet/fragments.h"
#include "packet/frame.h"
#include "packet/origin.h"
#include "packet/segment.h"

namespace rebuilder::packet {

using PortSet = std::bitset<65536>;

struct DecapConfig {
    std::vector<std::uint16_t> vxlan_ports{4789};
    std::vector<std::uint16_t> geneve_ports{6081};
    bool accept_plain = false;             // also examine frames that are in no tunnel
    std::vector<std::uint32_t> vni_allow;  // empty: all
    std::vector<std::uint32_t> vni_deny;
    std::vector<std::uint16_t> tcp_ports;  // one of the two ports must be in it; empty: all
    // Refuse what the receiver of a segment drops: a wrong checksum of TCP or of the IPv4 header, and a length of 0, which
    // only senders show. What can't be verified is accepted: the TCP of a segment that was cut, or that is on its way to
    // another address (IPv6 routing headers).
    bool verify_checksums = false;
};

class Decapsulator {
  public:
    explicit Decapsulator(const DecapConfig& config);

    // Answers Counter::segments and fills `segment`, or the frame_* counter that refuses the frame. Without a table
    // all fragments are refused. With one, the segment may lie in the table until it is released. `origin` is filled in either
    // case: with that of the tunnel whose VNI the segment's key has, or would have.
    [[nodiscard]] Counter decap(const Frame& frame, Segment& segment, FragmentTable* fragments = nullptr,
        Origin* origin = nullptr) const noexcept {
        if (decap_usual(frame, segment)) {
            if (origin != nullptr) *origin = {usual_source(frame), segment.key.vni};
            return Counter::segments;
        }
        Origin found;  // the caller's can stay in registers
        const Counter verdict = decap_any(frame, segment, fragments, found);
        if (origin != nullptr) *origin = found;
        return verdict;
    }

    // The two ways to do it. Nearly all of a mirror's frames are of one shape: IPv4 without options or fragments, in VXLAN
    // in the same. These have all they tell at fixed places, and are taken apart at once; false for any other. The second
    // way takes all, and for the usual ones comes to the same.
    [[nodiscard]] bool decap_usual(const Frame& frame, Segment& segment) const noexcept;
    [[nodiscard]] Counter decap_any(
        const Frame& frame, Segment& segment, FragmentTable* fragments, Origin& origin) const noexcept;

  private:
    // Where decap_usual() found the outer IPv4 header.
    [[nodiscard]] static IpAddress usual_source(const Frame& frame) noexcept {
        constexpr std::size_t ethernet = 14, source_at = 12;
        return IpAddress::v4(load_be32(frame.bytes.data() + ethernet + source_at));
    }

    enum class Tunnel : std::uint8_t { none, vxlan, geneve, vxlan_gpe, gre, teredo };

    [[nodiscard]] Tunnel tunnel_of(std::uint16_t udp_port) const noexcept;
    [[nodiscard]] static Tunnel own_tunnel(const std::uint8_t* udp, Cursor& datagram) noexcept;
    [[nodiscard]] bool vni_accepted(std::uint32_t vni) const noexcept;
    [[nodiscard]] Counter finish(
        const Frame& frame, const IpPacket& packet, std::uint32_t vni, Segment& segment) const noexcept;

    DecapConfig config_;
    PortSet vxlan_ports_;
    PortSet tcp_ports_;
    bool any_vni_ = true;
    bool any_tcp_port_ = true;
    bool verify_ = false;
};

}  // namespace rebuilder::packet
