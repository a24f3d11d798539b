// SPDX-License-Identifier: Apache-2.0
// The Internet checksum (RFC 1071), as IPv4 (RFC 791, section 3.1) and TCP (RFC 9293, section 3.1) have it.
//
// In:    bytes at any address, of any length, the checksum field among them as it was sent.
// Out:   whether a receiver takes them. The sum of all 16 bit words is then all ones, and zero has two forms in ones'
//        complement, so a field of 0x0000 is right where one of 0xffff is.
// Never: a reason to look at bytes that aren't there: whoever has only a part of a packet can't ask.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "packet/flow_key.h"

namespace rebuilder::packet {

// The ones' complement sum of the words of `bytes`, each in network order; behind an odd last byte there is a zero.
// 0 only when all bytes are 0.
[[nodiscard]] std::uint16_t internet_sum(Bytes bytes) noexcept;

// `header` is whole, with its options.
[[nodiscard]] bool ipv4_header_intact(Bytes header) noexcept;

// `segment` is the TCP header and all of the payload. The pseudo header is that of RFC 8200, section 8.1, or, for addresses of
// IPv4, of RFC 9293: `destination` is where the packet ends its way.
[[nodiscard]] bool tcp_intact(const IpAddress& source, const IpAddress& destination, Bytes segment) noexcept;

}  // namespace rebuilder::packet
