// SPDX-License-Identifier: Apache-2.0
// Idle: how long a thread that polls may sleep when it found nothing to do.
//
// Not at all for a while, then an eighth of the time since it last had work: so what comes after a pause waits at most
// an eighth of the pause's length longer, and an idle thread burns next to nothing. Pure: the time is an argument.
#pragma once

#include <algorithm>
#include <cstdint>

namespace rebuilder {

struct IdleLimits {
    std::uint64_t poll_ns = 0;   // of going on without a sleep
    std::uint64_t least_ns = 0;  // of a sleep
    std::uint64_t most_ns = 0;   // 0: never sleeps
};

class Idle {
  public:
    explicit Idle(const IdleLimits& limits) noexcept : limits_(limits) {}

    // To be asked after each round: was there work in it? 0: no sleep.
    [[nodiscard]] std::uint64_t after(bool worked, std::uint64_t now_ns) noexcept {
        if (worked || limits_.most_ns == 0) {
            since_ns_ = 0;
            return 0;
        }
        if (since_ns_ == 0) since_ns_ = now_ns;
        const std::uint64_t idle_ns = now_ns - since_ns_;
        if (idle_ns < limits_.poll_ns) return 0;
        return std::min(std::max(idle_ns / 8, limits_.least_ns), limits_.most_ns);
    }

  private:
    IdleLimits limits_;
    std::uint64_t since_ns_ = 0;  // 0: there was work in the last round
};

}  // namespace rebuilder
