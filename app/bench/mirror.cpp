// SPDX-License-Identifier: Apache-2.0
#include "mirror.h"

#include <algorithm>
#include <array>

namespace rebuilder::bench {
namespace {

constexpr std::uint8_t fin = 0x01, syn = 0x02, push = 0x08, ack = 0x10;

// A frame without payload. Zero: lengths, ports and numbers, which each has its own of, and checksums.
constexpr std::array<std::uint8_t, 104> headers{
    0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x08, 0x00,                           // Ethernet
    0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 172, 31, 0, 1, 172, 31, 0, 2,       // IPv4, from the mirrored interface
    0, 0, 4789 >> 8, 4789 & 0xff, 0, 0, 0, 0,                                       // UDP
    0x08, 0, 0, 0, 0, 0x10, 0x01, 0,                                                // VXLAN, VNI 4097
    0x02, 0, 0, 0, 0, 3, 0x02, 0, 0, 0, 0, 4, 0x08, 0x00,                           // Ethernet
    0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 100, 100, 10, 10, 100, 200, 20,  // IPv4, from the client
    0, 0, 8080 >> 8, 8080 & 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x50, 0, 0xff, 0xff, 0, 0, 0, 0,  // TCP
};
constexpr std::size_t ip_at = 14;
constexpr std::size_t udp_at = ip_at + 20;
constexpr std::size_t inner_ip_at = udp_at + 8 + 8 + 14;
constexpr std::size_t client_at = inner_ip_at + 12;
constexpr std::size_t tcp_at = inner_ip_at + 20;

constexpr std::uint16_t first_port = 10'000;
constexpr std::uint64_t first_ns = 1'700'000'000'000'000'000;

void store16(std::uint8_t* to, std::size_t value) noexcept {
    to[0] = static_cast<std::uint8_t>(value >> 8);
    to[1] = static_cast<std::uint8_t>(value);
}

}  // namespace

void Mirror::open(std::uint32_t connection) {
    if (next_seq_.size() <= connection) next_seq_.resize(connection + 1);
    next_seq_[connection] = connection * 2'654'435'761U;
    add(connection, syn, {});
    ++next_seq_[connection];
}

void Mirror::send(std::uint32_t connection, Bytes written) {
    while (!written.empty()) {
        const Bytes payload = written.first(std::min(written.size(), most_payload));
        written = written.subspan(payload.size());
        add(connection, written.empty() ? push | ack : ack, payload);
        next_seq_[connection] += static_cast<std::uint32_t>(payload.size());
    }
}

void Mirror::close(std::uint32_t connection) {
    add(connection, fin | ack, {});
}

void Mirror::add(std::uint32_t connection, std::uint8_t flags, Bytes payload) {
    const auto frame = arena_.take(headers.size() + payload.size());
    std::uint8_t* at = frame.data();
    std::copy(headers.begin(), headers.end(), at);
    std::copy(payload.begin(), payload.end(), at + headers.size());
    store16(at + ip_at + 2, frame.size() - ip_at);
    store16(at + udp_at, 49'152 + connection % 16'384);
    store16(at + udp_at + 4, frame.size() - udp_at);
    store16(at + inner_ip_at + 2, frame.size() - inner_ip_at);
    store16(at + tcp_at, first_port + connection);
    store16(at + tcp_at + 4, next_seq_[connection] >> 16);
    store16(at + tcp_at + 6, next_seq_[connection]);
    at[tcp_at + 13] = flags;
    frames_.push_back({frame, first_ns + frames_.size() * step_ns});
    bytes_ += frame.size();
}

void Mirror::renew() noexcept {
    ++clients_;
    for (packet::Frame& frame : frames_) {
        auto* client = const_cast<std::uint8_t*>(frame.bytes.data()) + client_at;  // in our own memory
        client[1] = static_cast<std::uint8_t>(100 + clients_ / 100 % 100);
        client[2] = static_cast<std::uint8_t>(100 + clients_ % 100);
        frame.time_ns += frames_.size() * step_ns;
    }
}

std::uint32_t Mirror::connection_of(const packet::Frame& frame) noexcept {
    return std::uint32_t{load_be16(frame.bytes.data() + tcp_at)} - first_port;
}

Bytes Mirror::payload_of(const packet::Frame& frame) noexcept {
    return frame.bytes.subspan(headers.size());
}

}  // namespace rebuilder::bench
