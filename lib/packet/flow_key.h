// SPDX-License-Identifier: Apache-2.0
// FlowKey: which connection a segment belongs to: the VNI and both endpoints, whole (VPC address ranges overlap, so
// the VNI is part of the identity). Normalised: both directions of a connection have the same key, and a Side says
// which way a segment goes.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstdint>

#include "base/bytes.h"
#include "base/siphash.h"

namespace rebuilder::packet {

// An IPv6 address, or an IPv4 address mapped into one (RFC 4291, section 2.5.5.2). Host byte order, so that
// comparing is comparing numbers.
struct IpAddress {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    static constexpr IpAddress v4(std::uint32_t address) noexcept { return {0, 0x0000ffff00000000u | address}; }
    // From 16 bytes in network order.
    static IpAddress v6(const std::uint8_t* bytes) noexcept { return {load_be64(bytes), load_be64(bytes + 8)}; }
    [[nodiscard]] constexpr bool is_v4() const noexcept { return high == 0 && (low >> 32) == 0xffff; }
    [[nodiscard]] constexpr std::uint32_t v4_address() const noexcept { return static_cast<std::uint32_t>(low); }

    auto operator<=>(const IpAddress&) const = default;
};

struct Endpoint {
    IpAddress address;
    std::uint16_t port = 0;

    auto operator<=>(const Endpoint&) const = default;
};

// The VNI of a frame that came in no tunnel. A real one has 24 bits.
inline constexpr std::uint32_t no_vni = 0xffffffff;

// The sender of a segment: the smaller endpoint of the key, or the larger one.
enum class Side : std::uint8_t { low = 0, high = 1 };

constexpr Side opposite(Side side) noexcept {
    return side == Side::low ? Side::high : Side::low;
}

struct FlowKey {
    IpAddress low_address;
    IpAddress high_address;
    std::uint16_t low_port = 0;
    std::uint16_t high_port = 0;
    std::uint32_t vni = no_vni;

    bool operator==(const FlowKey&) const = default;

    // Sets the key of a segment from `from` to `to`, and answers the side that sent it.
    static constexpr Side make(const Endpoint& from, const Endpoint& to, std::uint32_t vni, FlowKey& key) noexcept {
        const bool from_is_low = from <= to;
        const Endpoint& low = from_is_low ? from : to;
        const Endpoint& high = from_is_low ? to : from;
        key = {low.address, high.address, low.port, high.port, vni};
        return from_is_low ? Side::low : Side::high;
    }

    [[nodiscard]] constexpr Endpoint endpoint(Side side) const noexcept {
        return side == Side::low ? Endpoint{low_address, low_port} : Endpoint{high_address, high_port};
    }

    [[nodiscard]] std::uint64_t hash(const HashSecret& secret) const noexcept {
        if (low_address.is_v4() &&
            high_address.is_v4()) {  // nearly all: a different number of words, so a different function
            const std::uint64_t ports_and_vni = std::uint64_t{low_port} << 48 | std::uint64_t{high_port} << 32 | vni;
            return siphash13<2>(secret, std::array{low_address.low << 32 | high_address.v4_address(), ports_and_vni});
        }
        const auto words = std::bit_cast<std::array<std::uint64_t, 5>>(*this);
        return siphash13<5>(secret, words);
    }
};
static_assert(sizeof(FlowKey) == 40, "the key is hashed as five words: no padding");

}  // namespace rebuilder::packet
