// SPDX-License-Identifier: Apache-2.0
#include "packet/checksum.h"

#include <bit>
#include <cstring>

#include "packet/ip.h"

namespace rebuilder::packet {
namespace {

constexpr std::uint16_t all_ones = 0xffff;

// Carries go round: what is above the lowest 16 bits is added to them.
std::uint16_t fold(std::uint64_t sum) noexcept {
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum);
}

// Its four words, or eight. An IPv4 address has 0xffff besides, which is another zero.
std::uint64_t sum_of(const IpAddress& address) noexcept {
    return (address.high >> 32) + (address.high & 0xffffffff) + (address.low >> 32) + (address.low & 0xffffffff);
}

}  // namespace

// Two words at a time: the sum of the halves is what the whole is, once folded. No carry is lost in 64 bits below 16 GiB. The
// order of bytes doesn't matter either, until the end (RFC 1071, section 2).
std::uint16_t internet_sum(Bytes bytes) noexcept {
    const std::uint8_t* const data = bytes.data();
    const std::size_t whole = bytes.size() / 4;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < whole; ++i) {
        std::uint32_t words;
        std::memcpy(&words, data + i * 4, sizeof words);
        sum += words;
    }
    if (const std::size_t rest = bytes.size() % 4; rest != 0) {
        std::uint32_t words = 0;
        std::memcpy(&words, data + whole * 4, rest);
        sum += words;
    }
    const std::uint16_t folded = fold(sum);
    if constexpr (std::endian::native == std::endian::big) return folded;
    return static_cast<std::uint16_t>(folded << 8 | folded >> 8);
}

bool ipv4_header_intact(Bytes header) noexcept {
    return internet_sum(header) == all_ones;
}

bool tcp_intact(const IpAddress& source, const IpAddress& destination, Bytes segment) noexcept {
    const std::uint64_t pseudo = sum_of(source) + sum_of(destination) + protocol_tcp + segment.size();
    return fold(pseudo + internet_sum(segment)) == all_ones;
}

}  // namespace rebuilder::packet
