// SPDX-License-Identifier: Apache-2.0
#include "worker_line.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace rebuilder::bench {
namespace {

constexpr std::uint64_t tick_ns = 10'000'000;
constexpr std::size_t slots = 8192;

pipeline::WorkerConfig worker_config(const tcp::Limits& limits) {
    pipeline::WorkerConfig config;
    config.secret = {1, 2};
    config.tcp = limits;
    return config;
}

std::size_t quota() {
    return pipeline::WorkerConfig{}.buffer_bytes / pipeline::Worker::block_bytes / 2;
}

[[noreturn]] void fail(const std::string& sentence) {
    throw Error(ExitStatus::runtime, "the line " + sentence);
}

}  // namespace

WorkerLine::WorkerLine(Mirror& mirror, const Expected& expected, const tcp::Limits& limits)
    : mirror_(mirror)
    , expected_(expected)
    , channel_(slots, quota())
    , worker_(worker_config(limits), {{forward::Form::wire, &channel_}}) {}

void WorkerLine::verify(const std::function<std::string(const forward::Slot&)>& look) {
    std::string fault;  // the first; what was lost says more
    wire_bytes_ = 0;
    push_frames(mirror_.frames(), [&](const forward::Slot& slot) {
        wire_bytes_ += slot.bytes;
        if (fault.empty()) fault = look(slot);
    });
    settle();
    if (!fault.empty()) fail(fault);
}

Measurement WorkerLine::run() {
    std::uint64_t wire_bytes = 0;
    const auto count = [&wire_bytes](const forward::Slot& slot) { wire_bytes += slot.bytes; };
    const std::span<const packet::Frame> warm_up = mirror_.frames().first(expected_.warm_up);
    const std::span<const packet::Frame> measured = mirror_.frames().subspan(expected_.warm_up);
    push_frames(warm_up, count);
    const CacheMisses misses;
    const Stopwatch stopwatch;
    push_frames(measured, count);
    Measurement measurement =
        stopwatch.read(std::max<std::uint64_t>(expected_.requests - expected_.warm_up_requests, 1));
    cache_misses_ = misses.read();
    measurement.frames = measured.size();
    for (const packet::Frame& frame : measured) measurement.bytes += frame.bytes.size();
    settle();
    // What comes out only at the end of all connections isn't taken by then.
    if (expected_.intact && wire_bytes != wire_bytes_) {
        fail(fmt::format("wrote {} bytes, and {} when they were verified", wire_bytes, wire_bytes_));
    }
    return measurement;
}

template <class Take>
void WorkerLine::push_frames(std::span<const packet::Frame> frames, Take take) {
    if (frames.empty()) return;
    std::uint64_t next_tick_ns = frames.front().time_ns + tick_ns;
    const auto take_slots = [&] {
        forward::Slot slot;
        while (channel_.take(slot)) {
            take(slot);
            channel_.give_back(slot);
        }
    };
    for (std::size_t at = 0; at < frames.size(); at += pipeline::Worker::max_burst) {
        const auto burst = frames.subspan(at, std::min(pipeline::Worker::max_burst, frames.size() - at));
        worker_.on_burst(burst);
        if (burst.back().time_ns >= next_tick_ns) {
            worker_.on_tick(burst.back().time_ns);
            next_tick_ns += tick_ns;
        }
        take_slots();
    }
    if (!expected_.intact) {
        worker_.drain();
        take_slots();
    }
}

// Ends all connections, and checks what was counted since the last time; then come other connections.
void WorkerLine::settle() {
    worker_.drain();
    worker_.reclaim();
    const CounterValues now = worker_.counters().read();
    const auto since = [&](Counter which) { return now[which] - before_[which]; };
    const std::uint64_t handed_off = channel_.handing()[Counter::handed_off] - handed_off_before_;
    std::string losses;
    for (std::size_t i = 0; i < counter_count; ++i) {
        const std::uint64_t count = now.values[i] - before_.values[i];
        const bool is_loss = counter_table[i].name.find("lost_") != std::string_view::npos;
        if (is_loss && count != 0) losses += fmt::format(", {} {}", count, counter_table[i].name);
    }
    const std::uint64_t rebuilt = since(Counter::requests_rebuilt);
    if (rebuilt != expected_.requests || handed_off != rebuilt || (expected_.intact && !losses.empty())) {
        fail(fmt::format(
            "rebuilt {} of {} requests, and handed off {}{}", rebuilt, expected_.requests, handed_off, losses));
    }
    const std::uint64_t followed = since(Counter::tcp_delivered_bytes) + since(Counter::tcp_ignored_bytes);
    if (since(Counter::segments) != mirror_.frames().size() ||
        (expected_.intact && followed != since(Counter::tcp_payload_bytes))) {
        fail("didn't read all frames");
    }
    if (worker_.blocks_in_use() != 0) fail(fmt::format("still holds {} blocks", worker_.blocks_in_use()));
    before_ = now;
    handed_off_before_ += handed_off;
    mirror_.renew();
}

}  // namespace rebuilder::bench
