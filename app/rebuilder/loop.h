// SPDX-License-Identifier: Apache-2.0
// The run loop of a worker lcore: receive, rebuild, now and then look at the clock's other hands. The only place
// where a port and a pipeline meet.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include <rte_pause.h>

#include "base/idle.h"
#include "base/sleep.h"
#include "nic/clock.h"
#include "nic/rx_queue.h"
#include "pipeline/worker.h"

namespace rebuilder {

// What the control thread shares with one worker, besides its counters.
// All of it: worker: w, any: r.
struct alignas(64) WorkerStatus {
    std::atomic<std::uint64_t> heartbeat_ns{0};  // when the loop last came round, by the monotonic clock
    std::atomic<std::uint64_t> busy_ns{0};       // in rounds that received frames
    std::atomic<std::size_t> flows{0};           // pipeline::WorkerUsage
    std::atomic<std::size_t> buffers{0};
    std::atomic<std::size_t> held{0};
    std::atomic<bool> finished{false};  // all inputs ended, or stopped; drained

    void show(const pipeline::WorkerUsage& usage) noexcept {
        flows.store(usage.flows, std::memory_order_relaxed);
        buffers.store(usage.buffers, std::memory_order_relaxed);
        held.store(usage.held, std::memory_order_relaxed);
    }
};

// What a worker without frames does. `idle_sleep_ns` is the option's. Where threads share CPUs, one with nothing to do has to
// make room; else it polls for as long as a few sleeps take, so that short pauses cost no latency.
constexpr IdleLimits idle_limits(std::optional<std::uint64_t> idle_sleep_ns, bool cpus_shared) noexcept {
    constexpr std::uint64_t short_sleep_ns = 50'000;
    constexpr std::uint64_t poll_ns = 200'000;
    return {.poll_ns = cpus_shared ? 0 : poll_ns,
        .least_ns = short_sleep_ns,
        .most_ns = idle_sleep_ns.value_or(cpus_shared ? short_sleep_ns : 0)};
}

inline void run_loop(std::vector<nic::RxQueue>& queues, pipeline::Worker& worker, const IdleLimits& limits,
    WorkerStatus& status, const std::atomic<bool>& stop) noexcept {
    constexpr std::uint64_t tick_ns = 10'000'000;
    constexpr std::uint64_t last_frames_ns = 100'000'000;
    nic::Clock clock;
    Idle idle(limits);
    want_exact_sleeps();
    std::uint64_t next_tick_ns = 0;
    std::uint64_t stop_by_ns = 0;
    std::uint64_t busy_ns = 0;
    std::uint64_t busy_since_ns = 0;  // 0: the last round received nothing
    for (bool live = true; live;) {
        const std::uint64_t now_ns = clock.now();
        if (busy_since_ns != 0) busy_ns += now_ns - busy_since_ns;
        std::size_t received = 0;
        live = false;
        for (nic::RxQueue& queue : queues) {
            const auto frames = queue.receive(now_ns);
            if (!frames.empty()) queue.except(worker.on_burst(frames));
            queue.release();
            received += frames.size();
            live = live || !queue.ended();
        }
        busy_since_ns = received != 0 ? now_ns : 0;
        if (now_ns >= next_tick_ns) {
            worker.on_tick(now_ns);
            status.heartbeat_ns.store(nic::HostTime::monotonic_ns(), std::memory_order_relaxed);
            status.busy_ns.store(busy_ns, std::memory_order_relaxed);
            status.show(worker.usage());
            next_tick_ns = now_ns + tick_ns;
        }
        if (stop.load(std::memory_order_relaxed)) {
            // What the ports hold by now is taken in, but traffic that never pauses can't keep us.
            if (stop_by_ns == 0) stop_by_ns = now_ns + last_frames_ns;
            if (received == 0 || now_ns >= stop_by_ns) break;
        } else {
            if (received == 0) rte_pause();
            sleep_for(idle.after(received != 0, now_ns));
        }
    }
    worker.drain();
    status.busy_ns.store(busy_ns, std::memory_order_relaxed);
    status.show(worker.usage());
    status.finished.store(true, std::memory_order_release);
}

}  // namespace rebuilder
