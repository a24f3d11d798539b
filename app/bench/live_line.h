// SPDX-License-Identifier: Apache-2.0
// LiveLine: the product's line as `rebuilder run` has it: a port, a worker that polls it on an lcore of its own, a forwarder
// on a thread of its own, with the product's own loop and the channels of its own Outputs.
//
// It is in this process, since a ring can't be a port of another one without hugepages, which not every machine has. What
// `run` has beside it, health and admin, is left out.
// In:    what comes to the cable's end, in runs; the limits and options of a Config.
// Out:   what was counted in each run, from start() to stop(). The loop ends and drains with it, as at the end of the product;
//        the worker, its memory and the forwarder's connections stay, as they would while the product runs.
// Uses:  EAL, so there is one in a process. Threads that are started later, and the calling one, have all cores but the
//        worker's.
// Errors: Error (runtime), also when after a run the ledger's laws don't hold, or blocks are missing.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ledger.h"
#include "cable.h"
#include "nic/eal.h"
#include "nic/port.h"
#include "rebuilder/config.h"
#include "rebuilder/loop.h"
#include "rebuilder/outputs.h"

namespace rebuilder::bench {

class LiveLine {
  public:
    LiveLine(const Config& config, Cable& cable, std::span<const packet::Frame> frames, unsigned worker_cpu);

    void start();
    // In this run so far: each counter is right, but not all of one instant.
    [[nodiscard]] Ledger ledger() const;
    [[nodiscard]] std::uint64_t missed_by_port() { return port_->stats().missed - missed_before_; }
    // Once nothing comes any more: takes in what the port holds, and waits until the output has answered all.
    [[nodiscard]] Ledger stop();
    // In the run that was stopped last: how long the worker, which never waits, didn't have its core.
    [[nodiscard]] std::uint64_t worker_stood_ns() const noexcept { return worker_stood_ns_; }

    [[nodiscard]] const std::string& hint() const noexcept { return hint_; }  // what would make it faster

  private:
    void settle() const;
    [[nodiscard]] bool is_output_done() const;

    Outputs outputs_;
    std::vector<std::unique_ptr<pipeline::Worker>> workers_;  // one
    std::string hint_;
    nic::Eal eal_;
    std::optional<nic::Port> port_;
    std::vector<nic::RxQueue> queues_;
    WorkerStatus status_;
    std::atomic<bool> stop_{false};      // control: w, worker: r
    std::uint64_t worker_stood_ns_ = 0;  // worker: w, control: r between runs
    Ledger before_;                      // this run
    std::uint64_t missed_before_ = 0;
};

}  // namespace rebuilder::bench
