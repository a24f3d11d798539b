// SPDX-License-Identifier: Apache-2.0
// Mirror: the frames that a VPC's traffic mirror sends of many connections to one server, in memory.
//
// In:    what clients write, in the order in which the network saw it.
// Out:   a frame for each packet of theirs: Ethernet, IPv4, UDP, VXLAN (RFC 7348), and in it Ethernet, IPv4, TCP. A write
//        begins a packet. Nothing is lost, reordered or sent twice; the server's direction is not mirrored. Times advance
//        by the same step from frame to frame. Checksums are zero, as the line doesn't look at them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "arena.h"
#include "base/bytes.h"
#include "packet/frame.h"

namespace rebuilder::bench {

class Mirror {
  public:
    static constexpr std::size_t most_payload = 1460;
    static constexpr std::uint64_t step_ns = 1'000;

    // Connections are numbers below 50,000: each has its port.
    void open(std::uint32_t connection);  // a SYN
    void send(std::uint32_t connection, Bytes written);
    void close(std::uint32_t connection);  // a FIN

    // Makes of all frames the same traffic of another client, right behind the last: to a worker these are new connections.
    // Addresses don't change their length as text.
    void renew() noexcept;

    [[nodiscard]] std::span<const packet::Frame> frames() const noexcept { return frames_; }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }  // of all frames

    // Of one of its frames.
    [[nodiscard]] static std::uint32_t connection_of(const packet::Frame& frame) noexcept;
    [[nodiscard]] static Bytes payload_of(const packet::Frame& frame) noexcept;

  private:
    void add(std::uint32_t connection, std::uint8_t flags, Bytes payload);

    Arena arena_;
    std::vector<packet::Frame> frames_;
    std::vector<std::uint32_t> next_seq_;  // of each connection
    std::uint32_t clients_ = 0;            // before this one
    std::uint64_t bytes_ = 0;
};

}  // namespace rebuilder::bench
