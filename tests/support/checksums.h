// SPDX-License-Identifier: Apache-2.0
// Checksums by the book, for frames of PacketBuilder, which leaves them zero: a word at a time, each carry brought round at
// once, and a pseudo header in bytes. Shares nothing with lib/packet/checksum.h.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "support/packet_builder.h"

namespace rebuilder::test {

inline std::uint16_t naive_sum(Bytes bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); i += 2) {
        sum += static_cast<std::uint32_t>(bytes[i] << 8) | (i + 1 < bytes.size() ? bytes[i + 1] : 0u);
        if (sum > 0xffff) sum -= 0xffff;
    }
    return static_cast<std::uint16_t>(sum);
}

inline void put_checksum(Octets& frame, std::size_t at, std::uint16_t sum) {
    const auto checksum = static_cast<std::uint16_t>(~sum);
    frame[at] = static_cast<std::uint8_t>(checksum >> 8);
    frame[at + 1] = static_cast<std::uint8_t>(checksum);
}

// Of the IPv4 header at `ip`.
inline void set_ipv4_checksum(Octets& frame, std::size_t ip) {
    frame[ip + 10] = frame[ip + 11] = 0;
    put_checksum(frame, ip + 10, naive_sum(Bytes(frame).subspan(ip, (frame[ip] & 0x0fu) * 4)));
}

// Of the TCP header at `tcp`, which ends where the IP header at `ip` says.
inline void set_tcp_checksum(Octets& frame, std::size_t ip, std::size_t tcp) {
    const bool v4 = frame[ip] >> 4 == 4;
    const std::size_t end = ip + (v4 ? load_be16(&frame[ip + 2]) : 40u + load_be16(&frame[ip + 4]));
    const std::size_t size = end - tcp;
    const Bytes addresses = Bytes(frame).subspan(ip + (v4 ? 12 : 8), v4 ? 8 : 32);
    Octets covered(addresses.begin(), addresses.end());
    if (!v4) covered.insert(covered.end(), {0, 0});
    if (!v4)
        covered.insert(covered.end(), {static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size), 0, 0});
    covered.insert(covered.end(), {0, 6});
    if (v4) covered.insert(covered.end(), {static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)});
    frame[tcp + 16] = frame[tcp + 17] = 0;
    covered.insert(covered.end(), frame.begin() + static_cast<std::ptrdiff_t>(tcp),
        frame.begin() + static_cast<std::ptrdiff_t>(end));
    put_checksum(frame, tcp + 16, naive_sum(covered));
}

// Both; `headers` is what is between the two: the IP header with all extensions.
inline Octets with_checksums(Octets frame, std::size_t ip, std::size_t headers = 20) {
    if (frame[ip] >> 4 == 4) set_ipv4_checksum(frame, ip);
    set_tcp_checksum(frame, ip, ip + headers);
    return frame;
}

}  // namespace rebuilder::test
