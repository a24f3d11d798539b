// SPDX-License-Identifier: Apache-2.0
// ConnectionLog: what a worker's counters say of each connection, for replay --why.
//
// In:    what a Worker tells its Observer, while it is given one frame at a time.
// Out:   a Connection for each flow opened, with the counters that it moved, and where.
// Sums:  over all connections and others(), each counter booked here is the worker's, and so are the payload bytes.
//        Once the worker is drained, requests started = rebuilt + lost, and payload = delivered + dropped, for each
//        alone.
// Memory grows with the connections in the capture, whatever the worker's limits: this is for a tool.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/counters.h"
#include "pipeline/observer.h"

namespace rebuilder {

// Bytes that never came.
struct Hole {
    std::uint64_t offset = 0;  // in the stream
    std::uint64_t bytes = 0;   // 0: there is no hole; tcp::unknown_gap
};

// One direction of a connection.
struct Direction {
    bool midstream = false;
    bool requests = false;         // some began
    std::uint64_t request_at = 0;  // where the first one began; before that, the last place where one may have
    std::uint64_t holes = 0;
    Hole hole;  // the last one
};

struct Connection {
    // One counter. Beside the amount, all is of the first time.
    struct Moved {
        Counter which;
        packet::Side sender;
        std::uint64_t amount;  // of both directions
        std::uint64_t frame;   // the last that was read
        Hole hole;             // the last one of that direction
    };

    packet::FlowKey key;
    std::uint64_t first_frame = 0;
    std::uint64_t segments = 0;
    std::uint64_t cut = 0;    // of these
    std::uint64_t bytes = 0;  // of payload
    std::optional<packet::Side> opener;
    std::array<Direction, 2> directions{};
    std::vector<Moved> moved;  // in the order of their first time

    [[nodiscard]] Direction& direction(packet::Side sender) noexcept {
        return directions[static_cast<std::size_t>(sender)];
    }
    [[nodiscard]] const Direction& direction(packet::Side sender) const noexcept {
        return directions[static_cast<std::size_t>(sender)];
    }
    [[nodiscard]] std::uint64_t count(Counter which) const noexcept;
    // By its SYN, else by what it said, else by its port.
    [[nodiscard]] packet::Side client() const noexcept;
};

class ConnectionLog : public pipeline::Observer {
  public:
    // `counters` are the worker's.
    explicit ConnectionLog(const Counters& counters) : counters_(counters) {}

    void on_chunk(const packet::FlowKey& key, packet::Side sender, const tcp::StreamChunk& chunk) noexcept override;
    void on_segment(const packet::Segment& segment) noexcept override;

    // In the order of their first frames.
    [[nodiscard]] const std::vector<Connection>& connections() const noexcept { return connections_; }
    // What segments did for which no flow was opened.
    [[nodiscard]] const Connection& others() const noexcept { return others_; }

    // Whether a counter is booked to connections.
    [[nodiscard]] static constexpr bool books(const CounterInfo& counter) noexcept {
        if (counter.scope != CounterScope::worker) return false;
        const bool bytes = counter.role == CounterRole::byte_out || counter.role == CounterRole::byte_drop;
        return bytes || counter.unit == "streams" || counter.unit == "requests";
    }

  private:
    struct Order {
        bool operator()(const packet::FlowKey& a, const packet::FlowKey& b) const noexcept;
    };

    Connection& connection_of(const packet::FlowKey& key) noexcept;
    void book(Connection& connection, packet::Side sender) noexcept;

    const Counters& counters_;
    CounterValues booked_;
    std::uint64_t flows_opened_ = 0;
    std::vector<Connection> connections_;
    Connection others_;
    std::map<packet::FlowKey, std::size_t, Order> latest_;  // the last connection on the same endpoints
};

}  // namespace rebuilder
