// SPDX-License-Identifier: Apache-2.0
#include "packet/decap.h"

#include <algorithm>
#include <optional>

namespace rebuilder::packet {
namespace {

constexpr std::uint16_t ethertype_ipv4 = 0x0800;
constexpr std::uint16_t ethertype_ipv6 = 0x86dd;
constexpr std::uint16_t ethertype_bridged = 0x6558;  // transparent Ethernet bridging, in GENEVE
constexpr std::uint8_t protocol_tcp = 6;
constexpr std::uint8_t protocol_udp = 17;
constexpr int max_vlan_tags = 4;
constexpr int max_extension_headers = 8;
constexpr int max_tunnels = 3;

// What stopped a header from being read. The caller names the counter: the same flaw has one outside and one inside.
enum class Flaw : std::uint8_t { none, truncated, not_ip, bad_length, fragment };

struct IpPacket {
    IpAddress source;
    IpAddress destination;
    std::uint8_t protocol = 0;
    Bytes payload;              // what is present, behind all extension headers
    std::uint32_t missing = 0;  // what the length field promises beyond that
};

// Removes the link header; answers the ethertype behind it, or nothing when the header is cut.
std::optional<std::uint16_t> strip_link(Cursor& cursor, LinkType link) noexcept {
    switch (link) {
    case LinkType::ethernet: {
        const std::uint8_t* header = cursor.take(14);
        if (header == nullptr) return std::nullopt;
        std::uint16_t type = load_be16(header + 12);
        for (int tags = 0; tags < max_vlan_tags; ++tags) {
            if (type != 0x8100 && type != 0x88a8 && type != 0x9100) break;
            const std::uint8_t* tag = cursor.take(4);
            if (tag == nullptr) return std::nullopt;
            type = load_be16(tag + 2);
        }
        return type;
    }
    case LinkType::linux_sll: {
        const std::uint8_t* header = cursor.take(16);
        if (header == nullptr) return std::nullopt;
        return load_be16(header + 14);
    }
    case LinkType::linux_sll2: {
        const std::uint8_t* header = cursor.take(20);
        if (header == nullptr) return std::nullopt;
        return load_be16(header);
    }
    case LinkType::null_loopback:
        if (cursor.take(4) == nullptr) return std::nullopt;
        break;  // the address family differs between systems: the version says it better
    case LinkType::raw_ip: break;
    }
    if (cursor.left() == 0) return std::nullopt;
    switch (cursor.rest()[0] >> 4) {
    case 4: return ethertype_ipv4;
    case 6: return ethertype_ipv6;
    default: return std::uint16_t{0};
    }
}

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
    }
    packet.source = IpAddress::v4(load_be32(header + 12));
    packet.destination = IpAddress::v4(load_be32(header + 16));
    packet.protocol = header[9];
    packet.payload = cursor.rest();
    const bool fragment = (load_be16(header + 6) & 0x3fff) != 0;  // more fragments, or an offset
    return fragment ? Flaw::fragment : Flaw::none;
}

IpAddress load_ipv6(const std::uint8_t* from) noexcept {
    const auto half = [](const std::uint8_t* at) {
        return (static_cast<std::uint64_t>(load_be32(at)) << 32) | load_be32(at + 4);
    };
    return {half(from), half(from + 8)};
}

Flaw parse_ipv6(Cursor cursor, IpPacket& packet) noexcept {
    const std::uint8_t* header = cursor.take(40);
    if (header == nullptr) return Flaw::truncated;
    if ((header[0] >> 4) != 6) return Flaw::bad_length;
    const std::size_t payload_length = load_be16(header + 4);
    if (payload_length != 0) bound(cursor, payload_length, packet);  // 0: as for IPv4, or a jumbogram
    packet.source = load_ipv6(header + 8);
    packet.destination = load_ipv6(header + 24);
    packet.protocol = header[6];
    // RFC 8200, section 4: extension headers, each naming the next.
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
        packet.protocol = extension[0];
        // An offset of 0 without more fragments is a whole packet (RFC 6946).
        if (is_fragment_header && (load_be16(extension + 2) & 0xfff9) != 0) return Flaw::fragment;
    }
    return Flaw::bad_length;  // more extension headers than anything real has
}

Flaw parse_ip(const Cursor& cursor, std::uint16_t ethertype, IpPacket& packet) noexcept {
    if (ethertype == ethertype_ipv4) return parse_ipv4(cursor, packet);
    if (ethertype == ethertype_ipv6) return parse_ipv6(cursor, packet);
    return Flaw::not_ip;
}

Counter outer_drop(Flaw flaw, const IpPacket& packet) noexcept {
    switch (flaw) {
    case Flaw::truncated:
    case Flaw::bad_length: return Counter::frame_outer_truncated;
    case Flaw::fragment:
        return packet.protocol == protocol_udp ? Counter::frame_outer_fragment : Counter::frame_not_tunnel;
    case Flaw::not_ip:
    case Flaw::none: break;
    }
    return Counter::frame_not_tunnel;
}

Counter inner_drop(Flaw flaw) noexcept {
    switch (flaw) {
    case Flaw::truncated: return Counter::frame_inner_truncated;
    case Flaw::bad_length: return Counter::frame_inner_bad_length;
    case Flaw::fragment: return Counter::frame_inner_fragment;
    case Flaw::not_ip:
    case Flaw::none: break;
    }
    return Counter::frame_inner_not_ip;
}

// RFC 7348, section 5. Bits other than the I flag are reserved, and ignored.
Counter strip_vxlan(Cursor& cursor, std::uint32_t& vni) noexcept {
    const std::uint8_t* header = cursor.take(8);
    if (header == nullptr) return Counter::frame_tunnel_truncated;
    if ((header[0] & 0x08) == 0) return Counter::frame_vxlan_no_vni;
    vni = load_be24(header + 4);
    return Counter::segments;
}

// RFC 8926, section 3.4. Options are skipped whatever they say; control packets carry no frame.
Counter strip_geneve(Cursor& cursor, std::uint32_t& vni, std::uint16_t& ethertype) noexcept {
    const std::uint8_t* header = cursor.take(8);
    if (header == nullptr) return Counter::frame_tunnel_truncated;
    if ((header[0] >> 6) != 0 || (header[1] & 0x80) != 0) return Counter::frame_geneve_unsupported;
    if (cursor.take((header[0] & 0x3fu) * 4) == nullptr) return Counter::frame_tunnel_truncated;
    vni = load_be24(header + 4);
    ethertype = load_be16(header + 2);
    return Counter::segments;
}

// RFC 9293, section 3.1.
Counter parse_tcp(const IpPacket& packet, Segment& segment) noexcept {
    Cursor cursor(packet.payload);
    const std::uint8_t* header = cursor.take(20);
    if (header == nullptr) return packet.missing ? Counter::frame_inner_truncated : Counter::frame_inner_bad_length;
    const std::size_t header_length = (header[12] >> 4) * 4u;
    if (header_length < 20) return Counter::frame_inner_bad_length;
    if (cursor.take(header_length - 20) == nullptr) {
        return packet.missing ? Counter::frame_inner_truncated : Counter::frame_inner_bad_length;
    }
    segment.seq = load_be32(header + 4);
    segment.ack = load_be32(header + 8);
    segment.flags = header[13];
    segment.payload = cursor.rest();
    segment.missing = packet.missing;
    return Counter::segments;
}

}  // namespace

Decapsulator::Decapsulator(const DecapConfig& config) : config_(config) {
    for (const std::uint16_t port : config.tcp_ports) tcp_ports_.set(port);
    if (config.tcp_ports.empty()) tcp_ports_.set();
}

Decapsulator::Tunnel Decapsulator::tunnel_of(std::uint16_t udp_port) const noexcept {
    const auto has = [udp_port](const std::vector<std::uint16_t>& ports) {
        return std::find(ports.begin(), ports.end(), udp_port) != ports.end();
    };
    if (has(config_.vxlan_ports)) return Tunnel::vxlan;
    return has(config_.geneve_ports) ? Tunnel::geneve : Tunnel::none;
}

bool Decapsulator::vni_accepted(std::uint32_t vni) const noexcept {
    const auto has = [vni](const std::vector<std::uint32_t>& list) {
        return std::find(list.begin(), list.end(), vni) != list.end();
    };
    return (config_.vni_allow.empty() || has(config_.vni_allow)) && !has(config_.vni_deny);
}

Counter Decapsulator::decap(const Frame& frame, Segment& segment) const noexcept {
    Cursor cursor(frame.bytes);
    std::optional<std::uint16_t> ethertype = strip_link(cursor, frame.link);
    std::uint32_t vni = no_vni;

    for (int tunnels = 0;; ++tunnels) {
        const bool inner = tunnels > 0 || config_.accept_plain;
        IpPacket packet;
        const Flaw flaw = ethertype ? parse_ip(cursor, *ethertype, packet) : Flaw::truncated;
        // Only the innermost VNI is the mirror session's: a gateway load balancer's GENEVE around it has its own.
        const bool vni_refused = tunnels > 0 && !vni_accepted(vni);
        if (flaw != Flaw::none) {
            if (vni_refused) return Counter::frame_vni_refused;
            return inner ? inner_drop(flaw) : outer_drop(flaw, packet);
        }

        Tunnel tunnel = Tunnel::none;
        Cursor udp(packet.payload);
        if (packet.protocol == protocol_udp) {
            const std::uint8_t* header = udp.take(8);
            if (header == nullptr) {
                if (vni_refused) return Counter::frame_vni_refused;
                return inner ? Counter::frame_inner_truncated : Counter::frame_outer_truncated;
            }
            tunnel = tunnel_of(load_be16(header + 2));
            if (tunnel != Tunnel::none) {
                const std::size_t length = load_be16(header + 4);
                if (length < 8) return inner ? Counter::frame_inner_bad_length : Counter::frame_outer_truncated;
                udp.limit(length - 8);
            }
        }
        if (tunnel == Tunnel::none) {
            if (!inner) return Counter::frame_not_tunnel;
            if (vni_refused) return Counter::frame_vni_refused;
            if (packet.protocol != protocol_tcp) return Counter::frame_inner_not_tcp;
            const Counter verdict = parse_tcp(packet, segment);
            if (verdict != Counter::segments) return verdict;
            const Endpoint from{packet.source, load_be16(packet.payload.data())};
            const Endpoint to{packet.destination, load_be16(packet.payload.data() + 2)};
            if (!tcp_ports_[from.port] && !tcp_ports_[to.port]) return Counter::frame_port_refused;
            segment.sender = FlowKey::make(from, to, vni, segment.key);
            segment.time_ns = frame.time_ns;
            return Counter::segments;
        }

        if (tunnels == max_tunnels) return Counter::frame_tunnel_nested;
        cursor = udp;
        std::uint16_t inner_type = ethertype_bridged;
        const Counter stripped =
            tunnel == Tunnel::vxlan ? strip_vxlan(cursor, vni) : strip_geneve(cursor, vni, inner_type);
        if (stripped != Counter::segments) return stripped;
        ethertype = inner_type == ethertype_bridged ? strip_link(cursor, LinkType::ethernet) : inner_type;
    }
}

}  // namespace rebuilder::packet
