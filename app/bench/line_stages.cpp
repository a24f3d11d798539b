// SPDX-License-Identifier: Apache-2.0
#include "line_stages.h"

#include <fmt/format.h>
#include <llhttp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "base/error.h"
#include "http/stream.h"
#include "packet/decap.h"
#include "pipeline/worker.h"
#include "tcp/reassembler.h"

namespace rebuilder::bench {
namespace {

using packet::Frame;
using packet::Segment;
using pipeline::Worker;

constexpr HashSecret secret{1, 2};

[[noreturn]] void fail(const char* program, const std::string& sentence) {
    throw Error(ExitStatus::runtime, fmt::format("{}: {}", program, sentence));
}

// Keeps the compiler from leaving out what made a value.
template <class Value>
void use(const Value& value) noexcept {
    asm volatile("" : : "r,m"(value) : "memory");
}

Measurement measured(const Stopwatch& stopwatch, const Traffic& traffic) {
    Measurement measurement = stopwatch.read(std::max<std::uint64_t>(traffic.requests.size(), 1));
    measurement.bytes = traffic.mirror.bytes();
    measurement.frames = traffic.mirror.frames().size();
    return measurement;
}

// Calls `visit(burst)` for the frames, in bursts as the worker gets them.
template <class Visit>
void each_burst(const Traffic& traffic, Visit visit) {
    const std::span<const Frame> frames = traffic.mirror.frames();
    for (std::size_t at = 0; at < frames.size(); at += Worker::max_burst) {
        visit(frames.subspan(at, std::min(Worker::max_burst, frames.size() - at)));
    }
}

// A burst with its tunnels taken off.
struct Arrivals {
    std::array<Segment, Worker::max_burst> segments;
    std::array<std::uint64_t, Worker::max_burst> hashes;
    std::size_t count = 0;

    void take(const packet::Decapsulator& decapsulator, std::span<const Frame> burst) noexcept {
        count = 0;
        for (std::size_t i = 0; i < burst.size(); ++i) {
            constexpr std::size_t ahead = 4;
            if (i + ahead < burst.size()) prefetch(burst[i + ahead].bytes, packet::usual_headers);
            count += decapsulator.decap(burst[i], segments[count]) == Counter::segments;
        }
    }
    // And asks the table for the places of their flows.
    template <class Table>
    void ask_for_places(const Table& table) noexcept {
        for (std::size_t i = 0; i < count; ++i) {
            hashes[i] = segments[i].key.hash(secret);
            table.prefetch(hashes[i]);
        }
    }
    [[nodiscard]] std::span<const Segment> all() const noexcept { return std::span(segments).first(count); }
};

// What a stage has of the reassembler: a state of its own, and a consumer.
template <class App, class Sink>
Measurement reassemble(const Traffic& traffic, Counters& counters, Sink sink) {
    const packet::Decapsulator decapsulator({});
    tcp::Reassembler<App> reassembler({}, counters);
    Arrivals arrivals;
    const Stopwatch stopwatch;
    each_burst(traffic, [&](std::span<const Frame> burst) {
        arrivals.take(decapsulator, burst);
        arrivals.ask_for_places(reassembler);
        const auto segments = arrivals.all();
        const auto& hashes = arrivals.hashes;
        for (std::size_t i = 0; i < segments.size(); ++i) {
            constexpr std::size_t flows_ahead = 8, payloads_ahead = 3;
            if (i + flows_ahead < segments.size()) {
                reassembler.prefetch_flow(hashes[i + flows_ahead], segments[i + flows_ahead].sender);
            }
            if (i + payloads_ahead < segments.size()) prefetch(segments[i + payloads_ahead].payload);
            reassembler.push(segments[i], hashes[i], segments[i].time_ns, sink);
        }
    });
    const Measurement measurement = measured(stopwatch, traffic);
    reassembler.drain(traffic.mirror.frames().back().time_ns, sink);
    return measurement;
}

}  // namespace

Measurement touch_frames(const Traffic& traffic) {
    std::uint64_t sum = 0;
    const Stopwatch stopwatch;
    each_burst(traffic, [&](std::span<const Frame> burst) {
        for (const Frame& frame : burst) sum += std::uint64_t{frame.bytes[0]} + frame.bytes[64];
    });
    use(sum);
    return measured(stopwatch, traffic);
}

Measurement take_off_tunnels(const Traffic& traffic) {
    const packet::Decapsulator decapsulator({});
    Arrivals arrivals;
    std::uint64_t segments = 0;
    const Stopwatch stopwatch;
    each_burst(traffic, [&](std::span<const Frame> burst) {
        arrivals.take(decapsulator, burst);
        segments += arrivals.count;
        use(arrivals);
    });
    const Measurement measurement = measured(stopwatch, traffic);
    if (segments != traffic.mirror.frames().size()) fail("decap", "didn't take off all tunnels");
    return measurement;
}

Measurement find_flows(const Traffic& traffic) {
    struct Nothing {
        packet::FlowKey key;
        std::uint32_t home : tcp::home_bits = 0;
        tcp::TimerLink timer;
    };
    const packet::Decapsulator decapsulator({});
    tcp::FlowTable<Nothing> table(tcp::Limits{}.max_flows);
    Arrivals arrivals;
    const Stopwatch stopwatch;
    each_burst(traffic, [&](std::span<const Frame> burst) {
        arrivals.take(decapsulator, burst);
        arrivals.ask_for_places(table);
        const auto segments = arrivals.all();
        const auto& hashes = arrivals.hashes;
        for (std::size_t i = 0; i < segments.size(); ++i) {
            Nothing* flow = table.find(segments[i].key, hashes[i]);
            if (flow == nullptr) flow = table.insert(segments[i].key, hashes[i]);
            use(flow);
        }
    });
    const Measurement measurement = measured(stopwatch, traffic);
    if (table.size() != traffic.connections) fail("flow", fmt::format("has {} flows", table.size()));
    return measurement;
}

Measurement put_together(const Traffic& traffic) {
    struct Nothing {};
    Counters counters;
    const Measurement measurement =
        reassemble<Nothing>(traffic, counters, [](auto&, packet::Side, const tcp::StreamChunk& chunk) noexcept {
            use(chunk.data.data());
            return tcp::Appetite::more;
        });
    if (counters[Counter::flows_opened] != traffic.connections) fail("reassembly", "found other connections");
    return measurement;
}

Measurement rebuild_requests(const Traffic& traffic) {
    Counters counters;
    BlockPool blocks(Worker::block_bytes, pipeline::WorkerConfig{}.buffer_bytes / Worker::block_bytes);
    http::HttpStage http({}, blocks, counters);
    const Measurement measurement = reassemble<http::Stream>(
        traffic, counters, [&](auto& flow, packet::Side side, const tcp::StreamChunk& chunk) noexcept {
            return http.feed(flow.half(side).app, flow.half(packet::opposite(side)).app, chunk,
                [&](http::Request& request) noexcept { use(request); });
        });
    if (counters[Counter::requests_rebuilt] != traffic.whole_requests()) {
        fail("parse", fmt::format("rebuilt {} requests", counters[Counter::requests_rebuilt]));
    }
    return measurement;
}

Measurement copy_payload(const Traffic& traffic) {
    constexpr std::size_t buffer_bytes = 64 << 10;
    const auto buffer = std::make_unique<std::uint8_t[]>(buffer_bytes);
    std::size_t used = 0;
    const Stopwatch stopwatch;
    each_burst(traffic, [&](std::span<const Frame> burst) {
        for (const Frame& frame : burst) {
            const Bytes payload = Mirror::payload_of(frame);
            if (used + payload.size() > buffer_bytes) used = 0;
            std::memcpy(buffer.get() + used, payload.data(), payload.size());
            use(buffer);
            used += payload.size();
        }
    });
    return measured(stopwatch, traffic);
}

Measurement parse_with_llhttp(const Traffic& traffic) {
    struct Found {
        std::uint64_t requests = 0;
    } found;
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    settings.on_message_complete = [](llhttp_t* parser) {
        ++static_cast<Found*>(parser->data)->requests;
        return 0;
    };
    std::vector<llhttp_t> parsers(traffic.connections);
    for (llhttp_t& parser : parsers) {
        llhttp_init(&parser, HTTP_REQUEST, &settings);
        parser.data = &found;
    }
    struct Piece {
        llhttp_t* parser;
        std::string_view text;
    };
    std::vector<Piece> pieces;
    for (const Frame& frame : traffic.mirror.frames()) {
        const std::string_view text = as_text(Mirror::payload_of(frame));
        if (text.empty() || !Mirror::is_clients(frame)) continue;
        pieces.push_back({&parsers[Mirror::connection_of(frame)], text});
    }
    bool refused = false;
    const Stopwatch stopwatch;
    for (const Piece& piece : pieces) {
        refused |= llhttp_execute(piece.parser, piece.text.data(), piece.text.size()) != HPE_OK;
    }
    const Measurement measurement = measured(stopwatch, traffic);
    if (refused || found.requests != traffic.requests.size()) {
        fail("llhttp", fmt::format("found {} of {} requests", found.requests, traffic.requests.size()));
    }
    return measurement;
}

}  // namespace rebuilder::bench
