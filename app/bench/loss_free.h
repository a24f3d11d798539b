// SPDX-License-Identifier: Apache-2.0
// LossFree: the highest rate at which a testbed loses nothing.
//
// Short trials find it, a long one confirms it; as long as that fails, the rate is lowered, each time by more. A rate
// fails when it failed twice: machines have hiccups, and a search that believed each of them would end too low.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "chart.h"
#include "testbed.h"

namespace rebuilder::bench {

struct LossFreePlan {
    double first_rate = 20'000;  // requests a second
    double most_rate = 1e9;
    double precision = 0.03;
    std::uint64_t trial_ns = 2'000'000'000;
    std::uint64_t confirmation_ns = 10'000'000'000;  // ends at its first loss, of which it's told each second
};

class LossFree {
  public:
    LossFree(Testbed& testbed, const LossFreePlan& plan, const std::atomic<bool>& stop)
        : testbed_(testbed)
        , plan_(plan)
        , stop_(stop) {}

    // The trial that confirmed the rate. Throws Error (runtime) when there is no such rate, or when it was stopped.
    [[nodiscard]] Trial find();

    // Of all trials so far: what was lost at which rate, and how long requests were under way.
    [[nodiscard]] std::vector<Chart> charts() const;

  private:
    [[nodiscard]] bool passes(double rate);
    [[nodiscard]] Trial run(double rate, std::uint64_t duration_ns, bool until_loss = false);

    Testbed& testbed_;
    LossFreePlan plan_;
    const std::atomic<bool>& stop_;
    std::vector<Trial> trials_;
};

// A trial, which is told on stderr if that is a terminal. One that lost something while another program had the worker's core,
// or to which the rate was not offered, says nothing of the appliance: then it is tried again, some times. With `until_loss`
// it ends soon after its first loss. Throws Error (runtime) when it was stopped.
[[nodiscard]] Trial run_trial(Testbed& testbed, double rate, std::uint64_t duration_ns, const std::atomic<bool>& stop,
    bool until_loss = false);

}  // namespace rebuilder::bench
