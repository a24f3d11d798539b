// SPDX-License-Identifier: Apache-2.0
// The run loop of a worker lcore: receive, rebuild, now and then look at the clock's other hands. The only place
// where a port and a pipeline meet.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "nic/clock.h"
#include "nic/rx_queue.h"
#include "pipeline/worker.h"

namespace rebuilder {

// What the control thread shares with one worker, besides its counters.
struct alignas(64) WorkerStatus {
    std::atomic<std::uint64_t> heartbeat_ns{0};  // worker: w, control: r. When the loop last came round
    std::atomic<bool> finished{false};           // worker: w, control: r. All inputs ended, or stopped; drained
};

struct LoopOptions {
    bool yield_when_idle = false;  // threads share CPUs: one with nothing to do has to make room
};

inline void run_loop(std::vector<nic::RxQueue>& queues, pipeline::Worker& worker, const LoopOptions& options,
    WorkerStatus& status, const std::atomic<bool>& stop) noexcept {
    constexpr std::uint64_t tick_ns = 10'000'000;
    constexpr std::uint64_t last_frames_ns = 100'000'000;
    nic::Clock clock;
    std::uint64_t next_tick_ns = 0;
    std::uint64_t stop_by_ns = 0;
    for (bool live = true; live;) {
        const std::uint64_t now_ns = clock.now();
        std::size_t received = 0;
        live = false;
        for (nic::RxQueue& queue : queues) {
            const auto frames = queue.receive(now_ns);
            if (!frames.empty()) worker.on_burst(frames);
            queue.release();
            received += frames.size();
            live = live || !queue.ended();
        }
        if (now_ns >= next_tick_ns) {
            worker.on_tick(now_ns);
            status.heartbeat_ns.store(now_ns, std::memory_order_relaxed);
            next_tick_ns = now_ns + tick_ns;
        }
        if (stop.load(std::memory_order_relaxed)) {
            // What the ports hold by now is taken in, but traffic that never pauses can't keep us.
            if (stop_by_ns == 0) stop_by_ns = now_ns + last_frames_ns;
            if (received == 0 || now_ns >= stop_by_ns) break;
        } else if (received == 0 && options.yield_when_idle) {
            std::this_thread::sleep_for(std::chrono::microseconds(50));
        }
    }
    worker.drain();
    status.finished.store(true, std::memory_order_release);
}

}  // namespace rebuilder
