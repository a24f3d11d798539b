// SPDX-License-Identifier: Apache-2.0
// PacketBuilder: frames for tests, from the outside in.
//
//   PacketBuilder().eth().ipv4().udp({.to = 4789}).vxlan({.vni = 7}).eth().ipv4().tcp({.to = 80}).payload("GET")
//
// Each layer names the next and counts what is behind it, unless its struct says otherwise: that is how a frame lies.
// Checksums are left zero.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "packet/flow_key.h"

namespace rebuilder::test {

using Octets = std::vector<std::uint8_t>;
using Address6 = std::array<std::uint8_t, 16>;

inline constexpr std::uint32_t address4(unsigned a, unsigned b, unsigned c, unsigned d) {
    return a << 24 | b << 16 | c << 8 | d;
}
// 2001:db8::<last>
inline constexpr Address6 address6(std::uint8_t last) {
    return {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last};
}
inline constexpr packet::IpAddress key_address6(std::uint8_t last) {
    return {0x20010db800000000, last};
}

struct Eth {
    std::optional<std::uint16_t> type{};
};
struct Vlan {
    std::uint16_t tpid = 0x8100;  // how the layer in front names this one
    std::uint16_t tag = 100;
    std::optional<std::uint16_t> type{};
};
struct Ipv4 {
    std::uint32_t from = address4(10, 0, 0, 1);
    std::uint32_t to = address4(10, 0, 0, 2);
    std::size_t version = 4;
    std::optional<std::uint8_t> header_words{};
    std::optional<std::uint16_t> total_length{};
    std::uint16_t fragment = 0x4000;  // flags and offset; by default: don't fragment
    std::optional<std::uint8_t> protocol{};
    Octets options{};
};
struct Ipv6 {
    Address6 from = address6(1);
    Address6 to = address6(2);
    std::size_t version = 6;
    std::optional<std::uint16_t> payload_length{};
    std::optional<std::uint8_t> next{};
};
struct Extension {
    std::uint8_t type = 0;  // hop-by-hop
    std::uint8_t length = 0;
    Octets body = Octets(6);  // behind the next header and length fields
    std::optional<std::uint8_t> next{};
};
struct Udp {
    std::uint16_t from = 50000;
    std::uint16_t to = 4789;
    std::optional<std::uint16_t> length{};
};
struct Vxlan {
    std::uint32_t vni = 1;
    std::uint8_t flags = 0x08;
    std::uint32_t reserved = 0;  // 24 bits
    std::uint8_t last = 0;
};
struct Geneve {
    std::uint32_t vni = 1;
    std::size_t version = 0;
    std::uint8_t flags = 0;  // 0x80 control, 0x40 critical
    Octets options{};
    std::optional<std::uint8_t> option_words{};
    std::optional<std::uint16_t> type{};
};
struct Tcp {
    std::uint16_t from = 40000;
    std::uint16_t to = 80;
    std::uint32_t seq = 1000;
    std::uint32_t ack = 2000;
    std::uint8_t flags = 0x18;
    std::optional<std::uint8_t> header_words{};
    Octets options{};
};

class PacketBuilder {
  public:
    PacketBuilder& eth(const Eth& eth = {}) {
        Layer& layer = add({.ethertype = 0x6558, .next_at = 12, .next_size = 2});
        layer.bytes = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0, 0};
        override_next(layer, eth.type);
        last_eth_ = layers_.size() - 1;
        return *this;
    }
    PacketBuilder& vlan(const Vlan& vlan = {}) {
        Layer& layer = add({.ethertype = vlan.tpid, .next_at = 2, .next_size = 2});
        put16(layer.bytes, vlan.tag);
        put16(layer.bytes, 0);
        override_next(layer, vlan.type);
        return *this;
    }
    PacketBuilder& linux_sll() {
        add({.next_at = 14, .next_size = 2}).bytes.resize(16);
        return *this;
    }
    PacketBuilder& linux_sll2() {
        add({.next_at = 0, .next_size = 2}).bytes.resize(20);
        return *this;
    }
    PacketBuilder& null_loopback() {
        add({}).bytes = {2, 0, 0, 0};
        return *this;
    }
    PacketBuilder& ipv4(const Ipv4& ip = {}) {
        Layer& layer = add({.ethertype = 0x0800, .protocol = 4, .next_at = 9, .next_size = 1, .length_at = 2});
        Octets& out = layer.bytes;
        const std::size_t words = ip.header_words.value_or(static_cast<std::uint8_t>(5 + ip.options.size() / 4));
        out.push_back(static_cast<std::uint8_t>(ip.version << 4 | words));
        out.push_back(0);
        put16(out, 0);
        put16(out, 0);
        put16(out, ip.fragment);
        out.insert(out.end(), {64, 0, 0, 0});
        put32(out, ip.from);
        put32(out, ip.to);
        out.insert(out.end(), ip.options.begin(), ip.options.end());
        override_length(layer, ip.total_length);
        override_next(layer, ip.protocol);
        return *this;
    }
    PacketBuilder& ipv6(const Ipv6& ip = {}) {
        Layer& layer = add(
            {.ethertype = 0x86dd, .protocol = 41, .next_at = 6, .next_size = 1, .length_at = 4, .length_without = 40});
        Octets& out = layer.bytes;
        out.push_back(static_cast<std::uint8_t>(ip.version << 4));
        out.insert(out.end(), {0, 0, 0, 0, 0, 0, 64});
        out.insert(out.end(), ip.from.begin(), ip.from.end());
        out.insert(out.end(), ip.to.begin(), ip.to.end());
        override_length(layer, ip.payload_length);
        override_next(layer, ip.next);
        return *this;
    }
    PacketBuilder& extension(const Extension& extension = {}) {
        Layer& layer = add({.protocol = extension.type, .next_at = 0, .next_size = 1});
        layer.bytes = {0, extension.length};
        layer.bytes.insert(layer.bytes.end(), extension.body.begin(), extension.body.end());
        override_next(layer, extension.next);
        return *this;
    }
    PacketBuilder& udp(const Udp& udp = {}) {
        Layer& layer = add({.protocol = 17, .length_at = 4});
        put16(layer.bytes, udp.from);
        put16(layer.bytes, udp.to);
        put32(layer.bytes, 0);
        override_length(layer, udp.length);
        return *this;
    }
    PacketBuilder& vxlan(const Vxlan& vxlan = {}) {
        Octets& out = add({}).bytes;
        put32(out, static_cast<std::uint32_t>(vxlan.flags) << 24 | vxlan.reserved);
        put32(out, vxlan.vni << 8 | vxlan.last);
        return *this;
    }
    PacketBuilder& geneve(const Geneve& geneve = {}) {
        Layer& layer = add({.next_at = 2, .next_size = 2});
        Octets& out = layer.bytes;
        const std::size_t words = geneve.option_words.value_or(static_cast<std::uint8_t>(geneve.options.size() / 4));
        out.push_back(static_cast<std::uint8_t>(geneve.version << 6 | words));
        out.push_back(geneve.flags);
        put16(out, 0);
        put32(out, geneve.vni << 8);
        out.insert(out.end(), geneve.options.begin(), geneve.options.end());
        override_next(layer, geneve.type);
        return *this;
    }
    PacketBuilder& tcp(const Tcp& tcp = {}) {
        Octets& out = add({.protocol = 6}).bytes;
        put16(out, tcp.from);
        put16(out, tcp.to);
        put32(out, tcp.seq);
        put32(out, tcp.ack);
        const std::size_t words = tcp.header_words.value_or(static_cast<std::uint8_t>(5 + tcp.options.size() / 4));
        out.push_back(static_cast<std::uint8_t>(words << 4));
        out.push_back(tcp.flags);
        put16(out, 65535);
        put32(out, 0);
        out.insert(out.end(), tcp.options.begin(), tcp.options.end());
        return *this;
    }
    PacketBuilder& payload(std::string_view text) {
        add({}).bytes.assign(text.begin(), text.end());
        return *this;
    }
    // Any other protocol above IP: ICMP, ESP, ...
    PacketBuilder& protocol(std::uint8_t number, std::string_view body) {
        add({.protocol = number}).bytes.assign(body.begin(), body.end());
        return *this;
    }
    // Ethernet padding of the innermost Ethernet frame so far: the layers in it do not count it, those around it do.
    PacketBuilder& padding(std::size_t size) {
        add({.padding_of = last_eth_}).bytes.assign(size, 0xdd);
        return *this;
    }

    [[nodiscard]] Octets build() const {
        Octets frame;
        for (std::size_t i = 0; i < layers_.size(); ++i) {
            const Layer& layer = layers_[i];
            Octets bytes = layer.bytes;
            if (layer.next_at && i + 1 < layers_.size()) {
                const Layer& next = layers_[i + 1];
                if (layer.next_size == 1) {
                    bytes[*layer.next_at] = next.protocol;
                } else {
                    set16(bytes, *layer.next_at, next.ethertype);
                }
            }
            if (layer.length_at) set16(bytes, *layer.length_at, counted_from(i) - layer.length_without);
            frame.insert(frame.end(), bytes.begin(), bytes.end());
        }
        return frame;
    }

  private:
    struct Layer {
        std::uint16_t ethertype = 0;           // how Ethernet, VLAN and GENEVE name this layer
        std::uint8_t protocol = 0;             // how IP names it
        std::optional<std::size_t> next_at{};  // where it names the next one
        std::size_t next_size = 0;
        std::optional<std::size_t> length_at{};  // where it says its length, 16 bits
        std::size_t length_without = 0;
        std::optional<std::size_t> padding_of{};
        Octets bytes{};
    };

    Layer& add(Layer&& layer) { return layers_.emplace_back(std::move(layer)); }

    [[nodiscard]] std::size_t counted_from(std::size_t from) const {
        std::size_t size = 0;
        for (std::size_t i = from; i < layers_.size(); ++i) {
            if (!layers_[i].padding_of || from <= *layers_[i].padding_of) size += layers_[i].bytes.size();
        }
        return size;
    }

    template <class Number>
    static void override_next(Layer& layer, const std::optional<Number>& value) {
        if (!value) return;
        if (layer.next_size == 1) {
            layer.bytes[*layer.next_at] = static_cast<std::uint8_t>(*value);
        } else {
            set16(layer.bytes, *layer.next_at, *value);
        }
        layer.next_at.reset();
    }
    static void override_length(Layer& layer, const std::optional<std::uint16_t>& value) {
        if (!value) return;
        set16(layer.bytes, *layer.length_at, *value);
        layer.length_at.reset();
    }
    static void set16(Octets& out, std::size_t at, std::size_t value) {
        out[at] = static_cast<std::uint8_t>(value >> 8);
        out[at + 1] = static_cast<std::uint8_t>(value);
    }
    static void put16(Octets& out, std::uint32_t value) {
        out.push_back(static_cast<std::uint8_t>(value >> 8));
        out.push_back(static_cast<std::uint8_t>(value));
    }
    static void put32(Octets& out, std::uint32_t value) {
        put16(out, value >> 16);
        put16(out, value & 0xffff);
    }

    std::vector<Layer> layers_;
    std::size_t last_eth_ = 0;
};

}  // namespace rebuilder::test
