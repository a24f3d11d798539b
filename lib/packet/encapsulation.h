// SPDX-License-Identifier: Apache-2.0
// The headers around an IP packet: those of the link, and of the tunnels.
//
// Each function takes its header off the front of the cursor and answers what stands behind it. Nothing here looks
// further than the header: who decides what to do with it is decap.cpp.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/counters.h"
#include "packet/frame.h"

namespace rebuilder::packet {

inline constexpr std::uint16_t ethertype_bridged = 0x6558;  // an Ethernet frame follows, in GENEVE and GRE

// Removes the link header and what tags the frame behind it: VLAN tags (802.1Q, QinQ), MPLS labels (RFC 3032), a PPPoE
// session (RFC 2516), LLC/SNAP (RFC 1042). Answers the ethertype of what follows, 0 when it is nothing that may hold
// IP, nothing when a header is cut.
[[nodiscard]] std::optional<std::uint16_t> strip_link(Cursor& cursor, LinkType link) noexcept;

// RFC 7348, section 5. Bits other than the I flag are reserved, and ignored. Counter::segments, or the drop.
[[nodiscard]] Counter strip_vxlan(Cursor& cursor, std::uint32_t& vni) noexcept;

// VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe): VXLAN that names what follows when its P flag is set; without, it is Ethernet.
// Another version and OAM are ethertype 0. The same answers.
[[nodiscard]] Counter strip_vxlan_gpe(Cursor& cursor, std::uint32_t& vni, std::uint16_t& ethertype) noexcept;

// RFC 8926, section 3.4. Options are skipped whatever they say; control packets carry no frame. The same answers.
[[nodiscard]] Counter strip_geneve(Cursor& cursor, std::uint32_t& vni, std::uint16_t& ethertype) noexcept;

// RFC 2784 and 2890, with ERSPAN (draft-foschiano-erspan) of all three types. The ethertype of what follows, 0 when it
// is nothing that may hold IP, nothing when a header is cut.
[[nodiscard]] std::optional<std::uint16_t> strip_gre(Cursor& cursor) noexcept;

// Teredo (RFC 4380, section 5.1.1), in a datagram that promises `promised` bytes: authentication and origin indications,
// then an IPv6 packet that is not longer than the rest. Where its port doesn't say that it is Teredo, an address in
// 2001::/32 must. If it isn't so, nothing is taken off: false.
[[nodiscard]] bool strip_teredo(Cursor& cursor, std::size_t promised, bool known_by_port) noexcept;

}  // namespace rebuilder::packet
