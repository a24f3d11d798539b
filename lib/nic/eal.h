// SPDX-License-Identifier: Apache-2.0
// Eal: DPDK's environment layer, from its start to its end, and the worker threads it makes.
//
// In:   an EalPlan. One Eal a process: DPDK cannot start twice.
// Out:  ports can be opened (port.h), workers can be launched. The calling thread becomes the control thread;
//       threads that it starts later inherit its CPUs, which are those that no worker owns.
// Must outlive every Port. The destructor waits for the workers.
// Errors: the constructor throws Error with DPDK's own reason; launch() does when a worker is still running.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "nic/eal_plan.h"

namespace rebuilder::nic {

class Eal {
  public:
    explicit Eal(const EalPlan& plan);
    ~Eal();
    Eal(Eal&& other) noexcept;
    Eal& operator=(Eal&& other) noexcept;

    [[nodiscard]] int numa_node(unsigned worker) const noexcept;  // -1: its CPUs are on several
    [[nodiscard]] unsigned workers() const noexcept;

    // Fewer CPUs than threads: a worker with nothing to do has to sleep, or it takes the CPU from one that
    // has.
    [[nodiscard]] bool workers_share_cpus() const noexcept;

    // Runs `body` on the thread of worker 0, 1, ...; it must not throw, and ends when it returns.
    void launch(unsigned worker, std::function<void()> body);
    void wait() noexcept;

    // Control thread, about once a second: drivers watch over their devices in it.
    static void tick() noexcept;

    // From here on DPDK's warnings go to stderr as they come.
    static void show_log() noexcept;

    [[nodiscard]] static std::string version();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace rebuilder::nic
