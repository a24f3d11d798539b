// SPDX-License-Identifier: Apache-2.0
#include "packet/decap.h"

#include <algorithm>
#include <optional>

#include "packet/checksum.h"
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

// What the receiver of a packet does whose TCP header has been read. No length is none that it could have counted: its
// sender shows the packet before a card cuts it in pieces, and no network carries it so.
Counter verify(const IpPacket& packet) noexcept {
    if (!packet.length_known) return Counter::frame_inner_bad_length;
    if (!packet.ipv4_header.empty() && !ipv4_header_intact(packet.ipv4_header)) return Counter::frame_bad_checksum;
    if (packet.missing != 0 || packet.on_its_way) return Counter::segments;
    return tcp_intact(packet.source, packet.destination, packet.payload) ? Counter::segments
                                                                         : Counter::frame_bad_checksum;
}

// A datagram put together from its fragments may begin with further extension headers, but not with a fragment again.
Flaw complete(std::uint16_t ethertype, IpPacket& packet) noexcept {
    if (ethertype != ethertype_ipv6) return Flaw::none;
    const Flaw flaw = skip_extension_headers(packet);
    return flaw == Flaw::fragment ? Flaw::bad_length : flaw;
}

}  // namespace

Decapsulator::Decapsulator(const DecapConfig& config) : config_(config) {
    for (const std::uint16_t port : config.vxlan_ports) vxlan_ports_.set(port);
    for (const std::uint16_t port : config.tcp_ports) tcp_ports_.set(port);
    if (config.tcp_ports.empty()) tcp_ports_.set();
    any_vni_ = config.vni_allow.empty() && config.vni_deny.empty();
    any_tcp_port_ = config.tcp_ports.empty();
    verify_ = config.verify_checksums;
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

bool Decapsulator::decap_usual(const Frame& frame, Segment& segment) const noexcept {
    constexpr std::size_t ethernet = 14, ipv4 = 20, udp = 8, vxlan = 8, tcp = 20;
    constexpr std::size_t inner_at = ethernet + ipv4 + udp + vxlan + ethernet;
    if (frame.bytes.size() < inner_at + ipv4 + tcp || frame.link != LinkType::ethernet) return false;
    // An IPv4 header behind Ethernet's type, without options and fragments, of this protocol.
    const auto usual = [](const std::uint8_t* ip, std::uint8_t protocol) {
        return load_be16(ip - 2) == ethertype_ipv4 && ip[0] == 0x45 && (load_be16(ip + 6) & 0x3fff) == 0 &&
               ip[9] == protocol;
    };
    const std::uint8_t* const outer = frame.bytes.data() + ethernet;
    const std::uint8_t* const datagram = outer + ipv4;
    const std::uint8_t* const inner = frame.bytes.data() + inner_at;
    const std::uint8_t* const header = inner + ipv4;
    if (!usual(outer, protocol_udp) || !usual(inner, protocol_tcp)) return false;
    // Each length has to be within the one around it, and in the frame: nothing is cut, there may be padding.
    const std::size_t outer_size = load_be16(outer + 2);
    const std::size_t datagram_size = load_be16(datagram + 4);
    const std::size_t inner_size = load_be16(inner + 2);
    const std::size_t header_size = (header[12] >> 4) * 4u;
    if (outer_size > frame.bytes.size() - ethernet || outer_size < ipv4 + datagram_size ||
        datagram_size < udp + vxlan + ethernet + inner_size || inner_size < ipv4 + header_size || header_size < tcp) {
        return false;
    }
    const std::uint8_t* const tunnel = datagram + udp;
    const Endpoint from{IpAddress::v4(load_be32(inner + 12)), load_be16(header)};
    const Endpoint to{IpAddress::v4(load_be32(inner + 16)), load_be16(header + 2)};
    const std::uint32_t vni = load_be24(tunnel + 4);
    if (!vxlan_ports_[load_be16(datagram + 2)] || (tunnel[0] & 0x08) == 0 || !(any_vni_ || vni_accepted(vni)) ||
        !(any_tcp_port_ || tcp_ports_[from.port] || tcp_ports_[to.port])) {
        return false;
    }
    if (verify_ &&
        !(ipv4_header_intact({inner, ipv4}) && tcp_intact(from.address, to.address, {header, inner_size - ipv4}))) {
        return false;
    }
    segment.sender = FlowKey::make(from, to, vni, segment.key);
    segment.flags = header[13];
    segment.seq = load_be32(header + 4);
    segment.ack = load_be32(header + 8);
    segment.payload = {header + header_size, inner_size - ipv4 - header_size};
    segment.missing = 0;
    segment.time_ns = frame.time_ns;
    return true;
}

Counter Decapsulator::decap_any(
    const Frame& frame, Segment& segment, FragmentTable* fragments, Origin& origin) const noexcept {
    origin = {};
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
            // A part of a TCP segment is in the innermost packet; what a part of anything else is in isn't known yet.
            if (verify_ && packet.protocol == protocol_tcp && !packet.ipv4_header.empty() &&
                !ipv4_header_intact(packet.ipv4_header)) {
                return Counter::frame_bad_checksum;
            }
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
            origin = {packet.source, vni};
            ethertype = strip_link(cursor, LinkType::ethernet);
            continue;
        }
        case Tunnel::geneve:
        case Tunnel::vxlan_gpe: {
            std::uint16_t type = 0;
            const Counter stripped =
                tunnel == Tunnel::geneve ? strip_geneve(cursor, vni, type) : strip_vxlan_gpe(cursor, vni, type);
            if (stripped != Counter::segments) return stripped;
            origin = {packet.source, vni};
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
    if (verify_) {
        const Counter verified = verify(packet);
        if (verified != Counter::segments) return verified;
    }
    segment.sender = FlowKey::make(from, to, vni, segment.key);
    segment.time_ns = frame.time_ns;
    return Counter::segments;
}

}  // namespace rebuilder::packet
