// SPDX-License-Identifier: Apache-2.0
#include "packet/decap.h"

#include <algorithm>
#include <optional>

#include "packet/encapsulation.h"
#include "packet/ip.h"

namespace rebuilder::packet {
namespace {

constexpr int max_tunnels = 4;

// The ports that IANA keeps for what a mirrored host wraps its packets in.
constexpr std::uint16_t port_teredo = 3544;
constexpr std::uint16_t port_gre = 4754;
constexpr std::uint16_t port_vxlan_gpe = 4790;

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

// A datagram put together from its fragments may begin with further extension headers, but not with a fragment again.
Flaw complete(std::uint16_t ethertype, IpPacket& packet) noexcept {
    if (ethertype != ethertype_ipv6) return Flaw::none;
    const Flaw flaw = skip_extension_headers(packet);
    return flaw == Flaw::fragment ? Flaw::bad_length : flaw;
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

// The tunnel of a mirrored host's own in a datagram that is none of the mirror's. Teredo's port is only its servers':
// clients and relays take any for what they carry, so it is known by what it holds, and then already taken off.
Decapsulator::Tunnel Decapsulator::own_tunnel(const std::uint8_t* udp, Cursor& datagram) noexcept {
    const std::uint16_t from = load_be16(udp);
    const std::uint16_t to = load_be16(udp + 2);
    const std::size_t length = load_be16(udp + 4);
    if (to == port_gre) return Tunnel::gre;
    if (to == port_vxlan_gpe) return Tunnel::vxlan_gpe;
    const bool server = from == port_teredo || to == port_teredo;
    return length >= 8 && strip_teredo(datagram, length - 8, server) ? Tunnel::teredo : Tunnel::none;
}

bool Decapsulator::vni_accepted(std::uint32_t vni) const noexcept {
    const auto has = [vni](const std::vector<std::uint32_t>& list) {
        return std::find(list.begin(), list.end(), vni) != list.end();
    };
    return (config_.vni_allow.empty() || has(config_.vni_allow)) && !has(config_.vni_deny);
}

Counter Decapsulator::decap(const Frame& frame, Segment& segment, FragmentTable* fragments) const noexcept {
    Cursor cursor(frame.bytes);
    std::optional<std::uint16_t> ethertype = strip_link(cursor, frame.link);
    std::uint32_t vni = no_vni;

    for (int tunnels = 0;; ++tunnels) {
        if (tunnels > max_tunnels) return Counter::frame_tunnel_nested;
        const bool inner = tunnels > 0 || config_.accept_plain;
        IpPacket packet;
        Flaw flaw = ethertype ? parse_ip(cursor.rest(), *ethertype, packet) : Flaw::truncated;
        // Only the innermost VNI is the mirror session's: a gateway load balancer's GENEVE around it has its own.
        const bool vni_refused = tunnels > 0 && !vni_accepted(vni);
        if (flaw == Flaw::fragment && fragments != nullptr && !vni_refused &&
            (inner || packet.protocol == protocol_udp)) {
            switch (fragments->add(packet, vni, frame.time_ns)) {
            case FragmentTable::Verdict::waits: break;
            case FragmentTable::Verdict::refused: return Counter::frame_fragment_refused;
            case FragmentTable::Verdict::complete: flaw = complete(*ethertype, packet); break;
            }
        }
        if (flaw != Flaw::none) {
            if (vni_refused) return Counter::frame_vni_refused;
            return inner ? inner_drop(flaw) : outer_drop(flaw, packet);
        }

        Tunnel tunnel = Tunnel::none;
        cursor = Cursor(packet.payload);
        if (packet.protocol == protocol_udp) {
            const std::uint8_t* header = cursor.take(8);
            if (header == nullptr) {
                if (vni_refused) return Counter::frame_vni_refused;
                return inner ? Counter::frame_inner_truncated : Counter::frame_outer_truncated;
            }
            tunnel = tunnel_of(load_be16(header + 2));
            if (tunnel == Tunnel::none && inner) tunnel = own_tunnel(header, cursor);
            if (tunnel != Tunnel::none) {
                const std::size_t length = load_be16(header + 4);
                if (length < 8) return inner ? Counter::frame_inner_bad_length : Counter::frame_outer_truncated;
                cursor.limit(length - 8);
            }
        }
        switch (tunnel) {
        case Tunnel::vxlan: {
            const Counter stripped = strip_vxlan(cursor, vni);
            if (stripped != Counter::segments) return stripped;
            ethertype = strip_link(cursor, LinkType::ethernet);
            continue;
        }
        case Tunnel::geneve:
        case Tunnel::vxlan_gpe: {
            std::uint16_t type = 0;
            const Counter stripped =
                tunnel == Tunnel::geneve ? strip_geneve(cursor, vni, type) : strip_vxlan_gpe(cursor, vni, type);
            if (stripped != Counter::segments) return stripped;
            ethertype = type == ethertype_bridged ? strip_link(cursor, LinkType::ethernet) : type;
            continue;
        }
        // As they are without UDP around them.
        case Tunnel::gre: packet.protocol = protocol_gre; break;
        case Tunnel::teredo: packet.protocol = protocol_ipv6; break;
        case Tunnel::none: break;
        }
        if (!inner) return Counter::frame_not_tunnel;

        // What the mirrored host itself wraps its packets in.
        switch (packet.protocol) {
        case protocol_tcp: return vni_refused ? Counter::frame_vni_refused : finish(frame, packet, vni, segment);
        case protocol_ipv4: ethertype = ethertype_ipv4; break;
        case protocol_ipv6: ethertype = ethertype_ipv6; break;
        case protocol_gre:
            ethertype = strip_gre(cursor);
            if (ethertype == ethertype_bridged) ethertype = strip_link(cursor, LinkType::ethernet);
            break;
        default: return vni_refused ? Counter::frame_vni_refused : Counter::frame_inner_not_tcp;
        }
    }
}

Counter Decapsulator::finish(
    const Frame& frame, const IpPacket& packet, std::uint32_t vni, Segment& segment) const noexcept {
    const Counter verdict = parse_tcp(packet, segment);
    if (verdict != Counter::segments) return verdict;
    const Endpoint from{packet.source, load_be16(packet.payload.data())};
    const Endpoint to{packet.destination, load_be16(packet.payload.data() + 2)};
    if (!tcp_ports_[from.port] && !tcp_ports_[to.port]) return Counter::frame_port_refused;
    segment.sender = FlowKey::make(from, to, vni, segment.key);
    segment.time_ns = frame.time_ns;
    return Counter::segments;
}

}  // namespace rebuilder::packet
