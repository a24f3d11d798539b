// SPDX-License-Identifier: Apache-2.0
#include "h2_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "base/error.h"
#include "forward/wire_head.h"

namespace rebuilder::bench {
namespace {

constexpr std::uint64_t tick_ns = 10'000'000;
constexpr std::size_t slots = 8192;

pipeline::WorkerConfig worker_config() {
    pipeline::WorkerConfig config;
    config.secret = {1, 2};
    return config;
}

std::size_t quota(const pipeline::WorkerConfig& config) {
    return config.buffer_bytes / pipeline::Worker::block_bytes / 2;
}

[[noreturn]] void fail(const std::string& sentence) {
    throw Error(ExitStatus::runtime, "the line " + sentence);
}

std::string_view host_of(const forward::WireHead& head) {
    const auto place =
        std::find_if(head.fields.begin(), head.fields.end(), [](const auto& field) { return field.name == "host"; });
    return place == head.fields.end() ? std::string_view() : place->value;
}

std::string text_of(std::string_view method, std::string_view path, std::string_view host, std::uint64_t bytes) {
    return fmt::format("{} {} for {} with {} bytes", method, path, host, bytes);
}

}  // namespace

H2Line::H2Line(H2Traffic& traffic)
    : traffic_(traffic)
    , channel_(slots, quota(worker_config()))
    , worker_(worker_config(), {{forward::Form::wire, &channel_}}) {}

void H2Line::verify() {
    forward::WireHead head;
    std::string fault;  // the first; what was lost says more
    std::size_t next = 0;
    wire_bytes_ = 0;
    push_frames([&](const forward::Slot& slot) {
        wire_bytes_ += slot.bytes;
        if (!fault.empty() || next == traffic_.requests.size()) return;
        const H2Traffic::Made& made = traffic_.requests[next++];
        if (!head.read(slot)) {
            fault = fmt::format("wrote no HTTP/1.1 for request {}", next);
        } else if (head.method != made.method || head.target != made.path || host_of(head) != made.host ||
                   head.body_bytes != made.body_bytes) {
            fault = fmt::format("rebuilt request {} as {}; made was {}", next,
                text_of(head.method, head.target, host_of(head), head.body_bytes),
                text_of(made.method, made.path, made.host, made.body_bytes));
        }
    });
    settle();
    if (!fault.empty()) fail(fault);
}

Measurement H2Line::run() {
    std::uint64_t wire_bytes = 0;
    const Stopwatch stopwatch;
    push_frames([&wire_bytes](const forward::Slot& slot) { wire_bytes += slot.bytes; });
    Measurement measurement = stopwatch.read(traffic_.requests.size());
    measurement.bytes = traffic_.mirror.bytes();
    settle();
    if (wire_bytes != wire_bytes_) {
        fail(fmt::format("wrote {} bytes, and {} when they were verified", wire_bytes, wire_bytes_));
    }
    return measurement;
}

template <class Take>
void H2Line::push_frames(Take take) {
    const std::span<const packet::Frame> frames = traffic_.mirror.frames();
    std::uint64_t next_tick_ns = frames.front().time_ns + tick_ns;
    for (std::size_t at = 0; at < frames.size(); at += pipeline::Worker::max_burst) {
        const auto burst = frames.subspan(at, std::min(pipeline::Worker::max_burst, frames.size() - at));
        worker_.on_burst(burst);
        if (burst.back().time_ns >= next_tick_ns) {
            worker_.on_tick(burst.back().time_ns);
            next_tick_ns += tick_ns;
        }
        forward::Slot slot;
        while (channel_.take(slot)) {
            take(slot);
            channel_.give_back(slot);
        }
    }
}

// Ends all connections, and checks what was counted since the last time; then come other connections.
void H2Line::settle() {
    worker_.drain();
    worker_.reclaim();
    const CounterValues now = worker_.counters().read();
    const auto since = [&](Counter which) { return now[which] - before_[which]; };
    const std::uint64_t handed_off = channel_.handing()[Counter::handed_off] - handed_off_before_;
    const std::uint64_t made = traffic_.requests.size();
    std::string losses;
    for (std::size_t i = 0; i < counter_count; ++i) {
        const std::uint64_t count = now.values[i] - before_.values[i];
        const bool is_loss = counter_table[i].name.find("lost_") != std::string_view::npos;
        if (is_loss && count != 0) losses += fmt::format(", {} {}", count, counter_table[i].name);
    }
    if (since(Counter::requests_rebuilt) != made || handed_off != made || !losses.empty()) {
        fail(fmt::format("rebuilt {} of {} requests, and handed off {}{}", since(Counter::requests_rebuilt), made,
            handed_off, losses));
    }
    if (since(Counter::segments) != traffic_.mirror.frames().size() ||
        since(Counter::tcp_delivered_bytes) != since(Counter::tcp_payload_bytes)) {
        fail("didn't read all frames");
    }
    if (worker_.blocks_in_use() != 0) fail(fmt::format("still holds {} blocks", worker_.blocks_in_use()));
    before_ = now;
    handed_off_before_ += handed_off;
    traffic_.mirror.renew();
}

}  // namespace rebuilder::bench
