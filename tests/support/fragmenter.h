// SPDX-License-Identifier: Apache-2.0
// Fragments: an IP packet in an Ethernet frame cut as a router would cut it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "support/packet_builder.h"

namespace rebuilder::test {

// One fragment of the IPv4 packet behind the first `link_size` bytes of `frame`: its payload from `begin` to `end`.
inline Octets fragment4(
    const Octets& frame, std::size_t link_size, std::size_t begin, std::size_t end, std::uint16_t id = 0x1234) {
    const std::size_t header_size = link_size + (frame[link_size] & 0x0fu) * 4;
    Octets out(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(header_size));
    const auto put16 = [&out, link_size](std::size_t at, std::size_t value) {
        out[link_size + at] = static_cast<std::uint8_t>(value >> 8);
        out[link_size + at + 1] = static_cast<std::uint8_t>(value);
    };
    const std::size_t size = frame.size() - header_size;
    put16(2, header_size - link_size + end - begin);
    put16(4, id);
    put16(6, (end < size ? 0x2000 : 0) | begin / 8);
    out.insert(out.end(), frame.begin() + static_cast<std::ptrdiff_t>(header_size + begin),
        frame.begin() + static_cast<std::ptrdiff_t>(header_size + end));
    return out;
}

// The same of an IPv6 packet without extension headers, which gets a fragment header.
inline Octets fragment6(
    const Octets& frame, std::size_t link_size, std::size_t begin, std::size_t end, std::uint32_t id = 0x12345678) {
    const std::size_t header_size = link_size + 40;
    const std::size_t size = frame.size() - header_size;
    Octets out(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(header_size));
    const std::size_t length = 8 + end - begin;
    out[link_size + 4] = static_cast<std::uint8_t>(length >> 8);
    out[link_size + 5] = static_cast<std::uint8_t>(length);
    const std::uint8_t next = out[link_size + 6];
    out[link_size + 6] = 44;
    const std::size_t place = begin | (end < size ? 1 : 0);
    out.insert(out.end(), {next, 0, static_cast<std::uint8_t>(place >> 8), static_cast<std::uint8_t>(place),
                              static_cast<std::uint8_t>(id >> 24), static_cast<std::uint8_t>(id >> 16),
                              static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id)});
    out.insert(out.end(), frame.begin() + static_cast<std::ptrdiff_t>(header_size + begin),
        frame.begin() + static_cast<std::ptrdiff_t>(header_size + end));
    return out;
}

// All fragments of at most `part` payload bytes, a multiple of 8.
inline std::vector<Octets> fragments4(
    const Octets& frame, std::size_t link_size, std::size_t part, std::uint16_t id = 0x1234) {
    const std::size_t size = frame.size() - link_size - (frame[link_size] & 0x0fu) * 4;
    std::vector<Octets> all;
    for (std::size_t at = 0; at < size; at += part)
        all.push_back(fragment4(frame, link_size, at, std::min(at + part, size), id));
    return all;
}
inline std::vector<Octets> fragments6(
    const Octets& frame, std::size_t link_size, std::size_t part, std::uint32_t id = 0x12345678) {
    const std::size_t size = frame.size() - link_size - 40;
    std::vector<Octets> all;
    for (std::size_t at = 0; at < size; at += part)
        all.push_back(fragment6(frame, link_size, at, std::min(at + part, size), id));
    return all;
}

}  // namespace rebuilder::test
