// SPDX-License-Identifier: Apache-2.0
// Frame: the bytes of one received frame. A view: the port (or the capture reader) owns the bytes, and they
// live until the end of the burst that brought them.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace rebuilder::packet {

// What the first byte of a frame is the first byte of. Ports deliver ethernet; captures may hold the others.
enum class LinkType : std::uint8_t {
    ethernet,
    raw_ip,         // an IPv4 or IPv6 header
    linux_sll,      // Linux cooked capture, 16 bytes of header
    linux_sll2,     // Linux cooked capture v2, 20 bytes of header
    null_loopback,  // BSD loopback, a 4 byte address family in the capturing host's byte order
    cisco_hdlc,     // 2 bytes, and the ethertype
    ppp,            // RFC 1661, in HDLC's framing (RFC 1662) or without
    pppoe,          // RFC 2516, a session's header
};

struct Frame {
    Bytes bytes;            // as captured; may be shorter than the frame was on the wire
    std::uint64_t time_ns;  // nanoseconds since the Unix epoch
    LinkType link = LinkType::ethernet;
};

// What decap() reads of the usual frame: the tunnel's headers and the mirrored packet's.
inline constexpr std::size_t usual_headers = 192;

}  // namespace rebuilder::packet
