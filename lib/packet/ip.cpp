// SPDX-License-Identifier: Apache-2.0
#include "packet/ip.h"

namespace rebuilder::packet {
namespace {

constexpr int max_extension_headers = 8;

// A length field counts `promised` bytes behind the cursor: forget what is behind them, note what is missing.
void bound(Cursor& cursor, std::size_t promised, IpPacket& packet) noexcept {
    if (promised > cursor.left()) {
        packet.missing = static_cast<std::uint32_t>(promised - cursor.left());
    } else {
        cursor.limit(promised);
    }
}

Flaw parse_ipv4(Cursor cursor, IpPacket& packet) noexcept {
    const std::uint8_t* header = cursor.take(20);
    if (header == nullptr) return Flaw::truncated;
    const std::size_t header_length = (header[0] & 0x0fu) * 4;
    if ((header[0] >> 4) != 4 || header_length < 20) return Flaw::bad_length;
    if (cursor.take(header_length - 20) == nullptr) return Flaw::truncated;
    const std::size_t total_length = load_be16(header + 2);
    // Length 0 is what a capture in front of segmentation offload shows: then the frame's length is all there is.
    if (total_length != 0) {
        if (total_length < header_length) return Flaw::bad_length;
        bound(cursor, total_length - header_length, packet);
        packet.length_known = true;
    }
    packet.ipv4_header = {header, header_length};
    packet.source = IpAddress::v4(load_be32(header + 12));
    packet.destination = IpAddress::v4(load_be32(header + 16));
    packet.protocol = header[9];
    packet.payload = cursor.rest();
    const std::uint16_t fragment = load_be16(header + 6);
    if ((fragment & 0x3fff) == 0) return Flaw::none;
    packet.fragment_id = load_be16(header + 4);
    packet.fragment_offset = (fragment & 0x1fffu) * 8;
    packet.more_fragments = (fragment & 0x2000) != 0;
    return Flaw::fragment;
}

Flaw parse_ipv6(Cursor cursor, IpPacket& packet) noexcept {
    const std::uint8_t* header = cursor.take(40);
    if (header == nullptr) return Flaw::truncated;
    if ((header[0] >> 4) != 6) return Flaw::bad_length;
    const std::size_t payload_length = load_be16(header + 4);
    if (payload_length != 0) bound(cursor, payload_length, packet);  // 0: as for IPv4, or a jumbogram
    packet.length_known = payload_length != 0;
    packet.source = IpAddress::v6(header + 8);
    packet.destination = IpAddress::v6(header + 24);
    packet.protocol = header[6];
    packet.payload = cursor.rest();
    return skip_extension_headers(packet);
}

}  // namespace

Flaw parse_ip(Bytes bytes, std::uint16_t ethertype, IpPacket& packet) noexcept {
    if (ethertype == ethertype_ipv4) return parse_ipv4(Cursor(bytes), packet);
    if (ethertype == ethertype_ipv6) return parse_ipv6(Cursor(bytes), packet);
    return Flaw::not_ip;
}

// RFC 8200, section 4: extension headers, each naming the next.
Flaw skip_extension_headers(IpPacket& packet) noexcept {
    Cursor cursor(packet.payload);
    for (int headers = 0; headers < max_extension_headers; ++headers) {
        std::size_t size = 8;
        switch (packet.protocol) {
        case 0:    // hop-by-hop options
        case 43:   // routing
        case 60:   // destination options
        case 135:  // mobility
        case 139:  // host identity
        case 140:  // shim6
            if (cursor.left() < 2) return Flaw::truncated;
            size = (cursor.rest()[1] + 1u) * 8;
            break;
        case 51:  // authentication
            if (cursor.left() < 2) return Flaw::truncated;
            size = (cursor.rest()[1] + 2u) * 4;
            break;
        case 44:  // fragment
            break;
        default: packet.payload = cursor.rest(); return Flaw::none;
        }
        const std::uint8_t* extension = cursor.take(size);
        if (extension == nullptr) return Flaw::truncated;
        const bool is_fragment_header = packet.protocol == 44;
        // The fourth byte counts the nodes that are still ahead, whatever the type (RFC 8200, section 4.4).
        if (packet.protocol == 43 && extension[3] != 0) packet.on_its_way = true;
        packet.protocol = extension[0];
        if (!is_fragment_header) continue;
        const std::uint16_t fragment = load_be16(extension + 2);
        if ((fragment & 0xfff9) == 0) continue;  // neither offset nor more to come: a whole packet (RFC 6946)
        packet.fragment_id = load_be32(extension + 4);
        packet.fragment_offset = fragment & 0xfff8u;
        packet.more_fragments = (fragment & 1) != 0;
        packet.payload = cursor.rest();
        return Flaw::fragment;
    }
    return Flaw::bad_length;  // more extension headers than anything real has
}

}  // namespace rebuilder::packet
