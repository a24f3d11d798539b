// SPDX-License-Identifier: Apache-2.0
// Monitor: makes Snapshots of a running appliance.
//
// In:    tick() once a second from the control thread, which alone asks the ports.
// Out:   take(), from any thread: everything else is as of that moment, the ports as of the last tick. What is a share or
//        a change is since the tick before; what is found is about the last ten.
// Never: makes a worker or a forwarder wait: of theirs, only counters and gauges are read.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "config.h"
#include "loop.h"
#include "nic/port.h"
#include "outputs.h"
#include "pipeline/worker.h"
#include "snapshot.h"

namespace rebuilder {

class Monitor {
  public:
    using Workers = std::vector<std::unique_ptr<pipeline::Worker>>;
    using Statuses = std::vector<std::unique_ptr<WorkerStatus>>;  // one for each worker

    // All of them outlive it; of the configuration only tick() takes notice. `ill_health` answers why the health check fails, and
    // `others` what was counted by nobody of these, both from any thread.
    Monitor(const Config& config, std::vector<nic::Port>& ports, const Workers& workers, const Statuses& statuses,
        const Outputs& outputs, std::function<std::string()> ill_health, std::function<CounterValues()> others);

    void tick();
    [[nodiscard]] Snapshot take() const;

  private:
    struct Seen {
        std::vector<Snapshot::Port> ports;
        std::vector<std::pair<std::string, std::string>> options;
    };

    void take_sources(Snapshot& snapshot) const;
    void take_workers(Snapshot& snapshot, const Snapshot& before, std::uint64_t now_ns) const;

    const Config& config_;
    std::vector<nic::Port>& ports_;
    const Workers& workers_;
    const Statuses& statuses_;
    const Outputs& outputs_;
    std::function<std::string()> ill_health_;
    std::function<CounterValues()> others_;
    std::string host_;
    std::uint64_t started_ns_;

    mutable std::mutex mutex_;   // for the rest
    Seen seen_;                  // what only the control thread may look at
    Snapshot last_;              // of the last tick
    Snapshot before_;            // of the one before it
    std::deque<Snapshot> past_;  // of the last ten, the oldest first: findings are about as many seconds
};

}  // namespace rebuilder
