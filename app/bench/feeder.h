// SPDX-License-Identifier: Apache-2.0
// Feeder: the network. It hands mirrored traffic to a cable at a steady rate, over and over, each time as that of other
// clients, on a thread that sleeps between turns of 100 µs.
//
// A network doesn't wait for who listens. So where the system lets it, the thread goes before all others on its core
// (SCHED_FIFO); and when it could not keep its schedule all the same, it says so: then the rate was not offered.
// The time of a request's leaving is taken right before its last frame is handed over.
// In:    traffic without losses, copies or disorder, of more frames than a port can hold; all of it outlives the feeder.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "arrivals.h"
#include "cable.h"
#include "traffic.h"

namespace rebuilder::bench {

class Feeder {
  public:
    struct Fed {
        std::uint64_t frames = 0;
        std::uint64_t bytes = 0;
        std::uint64_t requests = 0;  // whose last frame is among them
        std::uint64_t wall_ns = 0;
        bool kept_pace = false;  // within one percent
    };

    // Throws Error (usage) when the traffic is too little.
    Feeder(const Traffic& traffic, Cable& cable, Arrivals& arrivals);

    // Begins with the first frame. Until `duration_ns` are over, or `stop`. The calling thread ends after it.
    [[nodiscard]] Fed feed(double requests_per_s, std::uint64_t duration_ns, const std::atomic<bool>& stop);

    // Frames for which the port had no room so far. Any thread.
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

  private:
    void hand_over(std::uint64_t count, Fed& fed);
    void hand_over_run(std::size_t count, Fed& fed);

    const Traffic& traffic_;
    Cable& cable_;
    Arrivals& arrivals_;
    std::vector<std::uint32_t> ends_;  // for each frame, the request that it ends, or none
    std::size_t next_ = 0;             // frame
    std::uint32_t client_ = 0;
    std::atomic<std::uint64_t> refused_{0};
};

// For each frame, the number of the request that ends with it, or no_request.
inline constexpr std::uint32_t no_request = 0xffffffff;
[[nodiscard]] std::vector<std::uint32_t> request_ends(const Traffic& traffic);

}  // namespace rebuilder::bench
