// SPDX-License-Identifier: Apache-2.0
#include "packet/encapsulation.h"

#include "packet/ip.h"

namespace rebuilder::packet {
namespace {

constexpr int max_tags = 8;  // of all kinds together
constexpr std::uint16_t largest_802_3_length = 0x05ff;
constexpr std::uint16_t ethertype_pppoe = 0x8864;  // a session
constexpr std::uint32_t teredo_prefix = 0x20010000;

// An IP packet without anything that names it: the version is in its first bits.
std::optional<std::uint16_t> ethertype_by_version(const Cursor& cursor) noexcept {
    if (cursor.left() == 0) return std::nullopt;
    switch (cursor.rest()[0] >> 4) {
    case 4: return ethertype_ipv4;
    case 6: return ethertype_ipv6;
    default: return std::uint16_t{0};
    }
}

// PPP's protocol number, which may be compressed to its second byte: that one is odd (RFC 1661, sections 2 and 6.5).
std::optional<std::uint16_t> strip_ppp(Cursor& cursor) noexcept {
    const std::uint8_t* first = cursor.take(1);
    if (first == nullptr) return std::nullopt;
    std::uint16_t protocol = *first;
    if ((*first & 1) == 0) {
        const std::uint8_t* second = cursor.take(1);
        if (second == nullptr) return std::nullopt;
        protocol = static_cast<std::uint16_t>(protocol << 8 | *second);
    }
    switch (protocol) {
    case 0x21: return ethertype_ipv4;
    case 0x57: return ethertype_ipv6;
    default: return std::uint16_t{0};
    }
}

std::optional<std::uint16_t> strip_tags(Cursor& cursor, std::uint16_t type) noexcept {
    for (int tags = 0; tags < max_tags; ++tags) {
        if (type == 0x8100 || type == 0x88a8 || type == 0x9100) {  // VLAN
            const std::uint8_t* tag = cursor.take(4);
            if (tag == nullptr) return std::nullopt;
            type = load_be16(tag + 2);
        } else if (type == 0x8847 || type == 0x8848) {  // MPLS: the last label has a bit that says so
            const std::uint8_t* label = cursor.take(4);
            if (label == nullptr) return std::nullopt;
            if ((label[2] & 1) != 0) return ethertype_by_version(cursor);
        } else if (type == ethertype_pppoe) {
            if (cursor.take(6) == nullptr) return std::nullopt;
            return strip_ppp(cursor);
        } else if (type <= largest_802_3_length) {  // a length: LLC follows, and with SNAP the ethertype
            const std::uint8_t* header = cursor.take(8);
            if (header == nullptr || load_be24(header) != 0xaaaa03 || load_be24(header + 3) != 0)
                return std::uint16_t{0};
            type = load_be16(header + 6);
        } else {
            return type;
        }
    }
    return std::uint16_t{0};
}

std::uint16_t ethertype_of_gpe(std::uint8_t next_protocol) noexcept {
    switch (next_protocol) {
    case 1: return ethertype_ipv4;
    case 2: return ethertype_ipv6;
    case 3: return ethertype_bridged;
    default: return 0;
    }
}

}  // namespace

std::optional<std::uint16_t> strip_link(Cursor& cursor, LinkType link) noexcept {
    std::size_t size = 0;
    std::size_t type_at = 0;
    switch (link) {
    case LinkType::ethernet: size = 14, type_at = 12; break;
    case LinkType::linux_sll: size = 16, type_at = 14; break;
    case LinkType::linux_sll2: size = 20, type_at = 0; break;
    case LinkType::null_loopback:  // the address family differs between systems: the version says it better
        return cursor.take(4) != nullptr ? ethertype_by_version(cursor) : std::nullopt;
    case LinkType::raw_ip: return ethertype_by_version(cursor);
    case LinkType::cisco_hdlc: size = 4, type_at = 2; break;
    case LinkType::ppp:  // with or without the address and control bytes of HDLC
        if (cursor.left() >= 2 && load_be16(cursor.rest().data()) == 0xff03) cursor.take(2);
        return strip_ppp(cursor);
    case LinkType::pppoe: return strip_tags(cursor, ethertype_pppoe);
    }
    const std::uint8_t* header = cursor.take(size);
    if (header == nullptr) return std::nullopt;
    return strip_tags(cursor, load_be16(header + type_at));
}

Counter strip_vxlan(Cursor& cursor, std::uint32_t& vni) noexcept {
    const std::uint8_t* header = cursor.take(8);
    if (header == nullptr) return Counter::frame_tunnel_truncated;
    if ((header[0] & 0x08) == 0) return Counter::frame_vxlan_no_vni;
    vni = load_be24(header + 4);
    return Counter::segments;
}

Counter strip_vxlan_gpe(Cursor& cursor, std::uint32_t& vni, std::uint16_t& ethertype) noexcept {
    const Bytes header = cursor.rest();
    const Counter stripped = strip_vxlan(cursor, vni);
    if (stripped != Counter::segments) return stripped;
    const bool names_next = (header[0] & 0x04) != 0;
    const bool understood = (header[0] & 0x31) == 0;  // two bits of version, and O
    ethertype = 0;
    if (understood) ethertype = names_next ? ethertype_of_gpe(header[3]) : ethertype_bridged;
    return Counter::segments;
}

Counter strip_geneve(Cursor& cursor, std::uint32_t& vni, std::uint16_t& ethertype) noexcept {
    const std::uint8_t* header = cursor.take(8);
    if (header == nullptr) return Counter::frame_tunnel_truncated;
    if ((header[0] >> 6) != 0 || (header[1] & 0x80) != 0) return Counter::frame_geneve_unsupported;
    if (cursor.take((header[0] & 0x3fu) * 4) == nullptr) return Counter::frame_tunnel_truncated;
    vni = load_be24(header + 4);
    ethertype = load_be16(header + 2);
    return Counter::segments;
}

std::optional<std::uint16_t> strip_gre(Cursor& cursor) noexcept {
    const std::uint8_t* header = cursor.take(4);
    if (header == nullptr) return std::nullopt;
    const std::uint16_t flags = load_be16(header);
    const std::uint16_t type = load_be16(header + 2);
    // Version 1 is PPTP's, and routing (RFC 1701) is long deprecated.
    if ((flags & 0x0007) != 0 || (flags & 0x4000) != 0) return std::uint16_t{0};
    const bool sequence = (flags & 0x1000) != 0;
    std::size_t options = 0;
    for (const int flag : {0x8000, 0x2000, 0x1000}) options += (flags & flag) != 0 ? 4 : 0;
    if (cursor.take(options) == nullptr) return std::nullopt;
    if (type == 0x88be) {  // ERSPAN: type I has no header, type II one of 8 bytes, and a sequence number in GRE's
        return cursor.take(sequence ? 8 : 0) != nullptr ? std::optional(ethertype_bridged) : std::nullopt;
    }
    if (type == 0x22eb) {  // ERSPAN type III: 12 bytes, and 8 more when their last bit says so
        const std::uint8_t* erspan = cursor.take(12);
        if (erspan == nullptr) return std::nullopt;
        return cursor.take((erspan[11] & 1) * 8u) != nullptr ? std::optional(ethertype_bridged) : std::nullopt;
    }
    return type == ethertype_bridged ? type : strip_tags(cursor, type);
}

bool strip_teredo(Cursor& cursor, std::size_t promised, bool known_by_port) noexcept {
    Cursor ahead = cursor;
    ahead.limit(promised);
    const std::size_t there = ahead.left();
    const auto begins_with = [&ahead](std::uint16_t indication) {
        return ahead.left() >= 2 && load_be16(ahead.rest().data()) == indication;
    };
    if (begins_with(1)) {  // authentication: two lengths, the identifier and value they count, a nonce, a confirmation
        const std::uint8_t* header = ahead.take(4);
        if (header == nullptr || ahead.take(header[2] + header[3] + 9u) == nullptr) return false;
    }
    if (begins_with(0) && ahead.take(8) == nullptr) return false;  // origin: a port and an address
    const std::size_t indications = there - ahead.left();
    if (ahead.left() < 40) return false;
    const std::uint8_t* ipv6 = ahead.rest().data();
    const bool fits = indications + 40 + load_be16(ipv6 + 4) <= promised;
    const bool known = known_by_port || load_be32(ipv6 + 8) == teredo_prefix || load_be32(ipv6 + 24) == teredo_prefix;
    if ((ipv6[0] >> 4) != 6 || !fits || !known) return false;
    cursor = ahead;
    return true;
}

}  // namespace rebuilder::packet
