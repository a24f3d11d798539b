// SPDX-License-Identifier: Apache-2.0
// Mirror: the frames that a VPC's traffic mirror sends of many connections to one server, in memory.
//
// In:    what clients write, and perhaps what the server answers, in the order in which the network saw it.
// Out:   a frame for each packet: Ethernet, IPv4, UDP, VXLAN (RFC 7348), and in it Ethernet, IPv4, TCP. A write
//        begins a packet. Times advance by the same step from frame to frame. Checksums are zero, as the line doesn't look
//        at them. Nothing is lost, reordered or sent twice, unless the mirror is impaired.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "arena.h"
#include "base/bytes.h"
#include "packet/frame.h"

namespace rebuilder::bench {

// What a mirror does to frames: each is a share of them, 0 to 1.
struct Impairment {
    double loss = 0;
    double duplicate = 0;  // comes once more, a little later
    double reorder = 0;    // comes a little later than it should

    [[nodiscard]] bool any() const noexcept { return loss + duplicate + reorder > 0; }
};

class Mirror {
  public:
    static constexpr std::size_t usual_payload = 1460;
    static constexpr std::size_t jumbo_payload = 8960;
    static constexpr std::uint32_t most_connections = 4'000'000;
    static constexpr std::size_t header_bytes = 104;  // in front of the payload
    static constexpr std::size_t tunnel_bytes = 50;   // of these, in front of the mirrored frame
    static constexpr std::uint64_t step_ns = 1'000;

    explicit Mirror(std::size_t most_payload = usual_payload) : most_payload_(most_payload) {}

    // Connections are numbers below most_connections: each has its own client's address and port.
    void open(std::uint32_t connection);  // a SYN
    void send(std::uint32_t connection, Bytes written);
    // One packet of what is written; answers what is left.
    [[nodiscard]] Bytes send_packet(std::uint32_t connection, Bytes written);
    void acknowledge(std::uint32_t connection);  // without data
    void close(std::uint32_t connection);        // a FIN

    // The server's direction.
    void accept(std::uint32_t connection);  // SYN, ACK
    void reply(std::uint32_t connection, Bytes written);

    // Once, when all is sent. Answers the places of the frames that are gone, as they were.
    std::vector<std::size_t> impair(const Impairment& impairment, std::uint64_t seed);

    // Makes of all frames the same traffic of another client, right behind the last: to a worker these are new connections.
    // Addresses don't change their length as text.
    void renew() noexcept;
    // The same for one of its frames: clients are numbers below 10,000, with 0 for those it was made with.
    static void set_client(const packet::Frame& frame, std::uint32_t client) noexcept;

    [[nodiscard]] std::span<const packet::Frame> frames() const noexcept { return frames_; }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }  // of all frames

    // Of one of its frames.
    [[nodiscard]] static std::uint32_t connection_of(const packet::Frame& frame) noexcept;
    [[nodiscard]] static bool is_clients(const packet::Frame& frame) noexcept;
    [[nodiscard]] static Bytes payload_of(const packet::Frame& frame) noexcept;

  private:
    enum class Sender : std::uint8_t { client, server };

    struct Connection {
        std::uint32_t client_seq = 0;
        std::uint32_t server_seq = 0;
    };

    void add(Sender sender, std::uint32_t connection, std::uint8_t flags, Bytes payload);
    Connection& at(std::uint32_t connection);

    std::size_t most_payload_;
    Arena arena_;
    std::vector<packet::Frame> frames_;
    std::vector<Connection> connections_;
    std::uint32_t clients_ = 0;  // before this one
    std::uint64_t bytes_ = 0;
};

}  // namespace rebuilder::bench
