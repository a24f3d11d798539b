// SPDX-License-Identifier: Apache-2.0
// parse_ip: an IPv4 (RFC 791) or IPv6 (RFC 8200) header with its extension headers.
//
// In:   the bytes from the header on.
// Out:  an IpPacket, whose payload ends where the length field says, so padding is never part of it; or the flaw that
//       stopped the reading. What a cut frame lacks is counted in `missing`. Checksums are not looked at; what is needed to
//       verify them (packet/checksum.h) is told.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "packet/flow_key.h"

namespace rebuilder::packet {

inline constexpr std::uint16_t ethertype_ipv4 = 0x0800;
inline constexpr std::uint16_t ethertype_ipv6 = 0x86dd;

// IANA protocol numbers.
inline constexpr std::uint8_t protocol_ipv4 = 4;
inline constexpr std::uint8_t protocol_tcp = 6;
inline constexpr std::uint8_t protocol_udp = 17;
inline constexpr std::uint8_t protocol_ipv6 = 41;
inline constexpr std::uint8_t protocol_gre = 47;

enum class Flaw : std::uint8_t {
    none,
    truncated,
    not_ip,
    bad_length,
    fragment,  // the payload is a part of a datagram; all else is filled in
};

struct IpPacket {
    IpAddress source;
    IpAddress destination;
    std::uint8_t protocol = 0;
    Bytes payload;              // what is present, behind all extension headers
    std::uint32_t missing = 0;  // what the length field promises beyond that

    Bytes ipv4_header;          // with its options; none of IPv6
    bool length_known = false;  // by its length field, which may be 0
    bool on_its_way = false;    // an IPv6 routing header has it go on from `destination` to others

    // With Flaw::fragment: which datagram's, where in it (bytes), and whether it is not the last.
    std::uint32_t fragment_id = 0;
    std::uint32_t fragment_offset = 0;
    bool more_fragments = false;
};

[[nodiscard]] Flaw parse_ip(Bytes bytes, std::uint16_t ethertype, IpPacket& packet) noexcept;

// Reads the IPv6 extension headers at the front of `packet.payload`: those of a datagram put together from fragments.
[[nodiscard]] Flaw skip_extension_headers(IpPacket& packet) noexcept;

}  // namespace rebuilder::packet
