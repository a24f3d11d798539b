// SPDX-License-Identifier: Apache-2.0
#include "sender.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/block.h"
#include "base/error.h"
#include "base/sleep.h"
#include "forward/forwarder.h"

namespace rebuilder::bench {
namespace {

constexpr std::size_t block_bytes = 4096;  // as the appliance has them
// A run is over in seconds; one that isn't has gone wrong.
constexpr std::uint64_t longest_run_ns = 60'000'000'000;

// As many as the HTTP output holds for HTTP/1.1: what is on its connections, and as much that waits for them
// (http_output.cpp); more would only wait in the channel and make the time to an answer longer. HTTP/2 has no --pipeline:
// there the slots are what limits the streams.
std::size_t slots_for(const SendSettings& settings) {
    const std::size_t at_once = std::size_t{settings.http.connections} * settings.at_once;
    return settings.http.http2 ? at_once : at_once + std::max<std::size_t>(at_once, 16);
}

forward::HttpOptions options_for(const SendSettings& settings) {
    forward::HttpOptions options = settings.http;
    if (!options.http2) options.pipeline = settings.at_once;
    return options;
}

class Sender {
  public:
    Sender(const std::vector<Sample>& samples, const SendSettings& settings)
        : settings_(settings)
        , slots_(slots_for(settings))
        , pool_(block_bytes, slots_ * blocks_for(samples))
        , channel_(slots_, pool_.total())
        , forwarder_(forward::parse_output(settings.output), options_for(settings), {&channel_}) {
        free_.reserve(slots_);
        for (std::size_t i = 0; i < slots_; ++i) free_.push_back(prepare(samples[i % samples.size()].wire()));
        std::reverse(free_.begin(), free_.end());
    }

    SendResult run() {
        want_exact_sleeps();
        // Opens the connections, and has each of them answer: only then they are pipelined.
        send(std::min<std::uint64_t>(std::uint64_t{slots_} * 8, settings_.requests), 0);
        verify();
        // Memory for them is touched before the clock runs.
        if (settings_.latencies) latencies_.assign(settings_.requests, 0);
        const Stopwatch stopwatch;
        send(settings_.requests, settings_.rate);
        SendResult result;
        result.measurement = stopwatch.read(settings_.requests);
        if (settings_.latencies) {
            result.measurement.p50_ns = quantile(latencies_, 0.5);
            result.measurement.p99_ns = quantile(latencies_, 0.99);
        }
        result.handed_off = channel_.handing()[Counter::handed_off];
        verify();
        return result;
    }

  private:
    static std::size_t blocks_for(const std::vector<Sample>& samples) {
        std::size_t most = 0;
        for (const Sample& sample : samples) most = std::max(most, sample.wire().size());
        return most / (block_bytes - sizeof(Block)) + 1;
    }

    forward::Slot prepare(const std::string& text) {
        Chain chain;
        (void)chain.append(pool_, as_bytes(text));  // the pool is made for them
        forward::Slot slot;
        slot.first = chain.head;
        slot.bytes = chain.bytes;
        slot.blocks = chain.blocks;
        return slot;
    }

    // Offers `count` requests, and makes rounds until all have come back.
    void send(std::uint64_t count, std::uint64_t rate) {
        const bool timed = rate != 0 || !latencies_.empty();
        const std::uint64_t begin_ns = clock_ns();
        std::uint64_t now_ns = begin_ns;
        std::uint64_t offered = 0;
        std::uint64_t returned = 0;
        for (std::uint64_t round = 0; returned < count; ++round) {
            if (timed || round % 1024 == 0) now_ns = clock_ns();
            if (round % 1024 == 0) check(now_ns - begin_ns);
            const std::uint64_t due = rate == 0 ? count : std::min(count, (now_ns - begin_ns) * rate / 1'000'000'000);
            for (; offered < due && !free_.empty(); ++offered) {
                // With a rate, what waits for a slot waits for its answer all the same.
                free_.back().time_ns = rate == 0 ? now_ns : begin_ns + offered * 1'000'000'000 / rate;
                if (channel_.offer(free_.back()) != Counter::handed_off) break;
                free_.pop_back();
            }
            forwarder_.round();
            if (timed) now_ns = clock_ns();
            for (forward::Slot slot; channel_.reclaim(slot); ++returned) {
                if (returned < latencies_.size()) latencies_[returned] = now_ns - slot.time_ns;
                free_.push_back(slot);
            }
        }
    }

    // That it isn't hopeless yet.
    void check(std::uint64_t for_ns) const {
        if (forwarder_.counters().read().sum(CounterRole::request_failed) > 0) verify();
        if (for_ns <= longest_run_ns) return;
        throw Error(ExitStatus::runtime, fmt::format("{}: not all requests were answered within {} s", settings_.output,
                                             longest_run_ns / 1'000'000'000));
    }

    void verify() const {
        const std::uint64_t handed_off = channel_.handing()[Counter::handed_off];
        const CounterValues values = forwarder_.counters().read();
        const std::uint64_t good = values[Counter::answered_2xx];
        if (good == handed_off) return;
        std::string trouble = forwarder_.trouble();
        if (!trouble.empty()) trouble = "; " + trouble;
        throw Error(ExitStatus::runtime,
            fmt::format("{}: of {} requests {} were answered with 2xx, {} with another status, and {} failed{}",
                settings_.output, handed_off, good, values.sum(CounterRole::request_answered) - good,
                values.sum(CounterRole::request_failed), trouble));
    }

    const SendSettings& settings_;
    std::size_t slots_;
    BlockPool pool_;
    forward::Channel channel_;
    forward::Forwarder forwarder_;
    std::vector<forward::Slot> free_;
    std::vector<std::uint64_t> latencies_;
};

}  // namespace

SendResult send_requests(const std::vector<Sample>& samples, const SendSettings& settings) {
    return Sender(samples, settings).run();
}

}  // namespace rebuilder::bench
