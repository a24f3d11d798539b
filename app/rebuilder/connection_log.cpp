// SPDX-License-Identifier: Apache-2.0
#include "connection_log.h"

#include <algorithm>
#include <bit>

#include "http/detect.h"

namespace rebuilder {

using packet::FlowKey;
using packet::Side;
using tcp::StreamChunk;

namespace {

// The counters that are booked, so that a chunk need not ask each for its words.
constexpr auto booked_counters = [] {
    constexpr auto count = std::ranges::count_if(counter_table, ConnectionLog::books);
    std::array<Counter, count> booked{};
    auto next = booked.begin();
    for (std::size_t i = 0; i < counter_count; ++i) {
        if (ConnectionLog::books(counter_table[i])) *next++ = static_cast<Counter>(i);
    }
    return booked;
}();

}  // namespace

std::uint64_t Connection::count(Counter which) const noexcept {
    const auto found = std::ranges::find(moved, which, &Moved::which);
    return found != moved.end() ? found->amount : 0;
}

Side Connection::client() const noexcept {
    if (opener) return *opener;
    for (const Moved& entry : moved) {
        if (entry.which == Counter::requests_started) return entry.sender;
        if (entry.which == Counter::streams_http1_responses) return packet::opposite(entry.sender);
    }
    return key.low_port > key.high_port ? Side::low : Side::high;
}

bool ConnectionLog::Order::operator()(const FlowKey& a, const FlowKey& b) const noexcept {
    using Words = std::array<std::uint64_t, 5>;
    return std::bit_cast<Words>(a) < std::bit_cast<Words>(b);
}

void ConnectionLog::book(Connection& connection, Side sender) noexcept {
    const Hole& hole = connection.direction(sender).hole;
    for (const Counter which : booked_counters) {
        std::uint64_t& booked = booked_.values[static_cast<std::size_t>(which)];
        const std::uint64_t amount = counters_[which] - booked;
        if (amount == 0) continue;
        booked += amount;
        const auto found = std::ranges::find(connection.moved, which, &Connection::Moved::which);
        if (found != connection.moved.end()) {
            found->amount += amount;
        } else {
            connection.moved.push_back({which, sender, amount, counters_[Counter::frames], hole});
        }
    }
}

Connection& ConnectionLog::connection_of(const FlowKey& key) noexcept {
    if (counters_[Counter::flows_opened] != flows_opened_) {
        flows_opened_ = counters_[Counter::flows_opened];
        latest_[key] = connections_.size();
        connections_.push_back({.key = key, .first_frame = counters_[Counter::frames], .opener = {}, .moved = {}});
    }
    const auto found = latest_.find(key);
    return found != latest_.end() ? connections_[found->second] : others_;
}

void ConnectionLog::on_chunk(const FlowKey& key, Side sender, const StreamChunk& chunk) noexcept {
    Connection& connection = connection_of(key);
    Direction& direction = connection.direction(sender);
    switch (chunk.kind) {
    case StreamChunk::Kind::open: direction.midstream = chunk.midstream; break;
    case StreamChunk::Kind::gap:
        ++direction.holes;
        direction.hole = {chunk.offset, chunk.gap_bytes};
        break;
    case StreamChunk::Kind::data:
        if (!direction.requests && chunk.segment_start && http::begins_like_request(chunk.data)) {
            direction.request_at = chunk.offset;
        }
        break;
    case StreamChunk::Kind::close: break;
    }
    const std::uint64_t started = booked_[Counter::requests_started];
    book(connection, sender);
    if (booked_[Counter::requests_started] != started) direction.requests = true;
}

void ConnectionLog::on_segment(const packet::Segment& segment) noexcept {
    Connection& connection = connection_of(segment.key);
    ++connection.segments;
    connection.cut += segment.missing != 0;
    connection.bytes += segment.payload.size();
    if (segment.has(packet::TcpFlags::syn) && !connection.opener) {
        const bool answer = segment.has(packet::TcpFlags::ack);
        connection.opener = answer ? packet::opposite(segment.sender) : segment.sender;
    }
    book(connection, segment.sender);
}

}  // namespace rebuilder
