// SPDX-License-Identifier: Apache-2.0
// Pace: how much is due when, at a steady rate.
//
// In:    the time, turn by turn. No clock of its own.
// Out:   how many to hand over now, so that `per_second` were handed over since the begin. Who comes late catches up
//        at some times the rate, not at once: else the hiccups of this machine would be bursts that no network has.
#pragma once

#include <algorithm>
#include <cstdint>

namespace rebuilder::bench {

class Pace {
  public:
    static constexpr std::uint64_t most_turns = 4;  // in one

    // `turn_ns`: time from turn to turn, if none is late.
    Pace(double per_second, std::uint64_t turn_ns, std::uint64_t begin_ns)
        : per_ns_(per_second / 1e9)
        , most_a_turn_(std::max<std::uint64_t>(
              static_cast<std::uint64_t>(per_ns_ * static_cast<double>(most_turns * turn_ns)), 1))
        , begin_ns_(begin_ns) {}

    // To be handed over now; counts as handed over.
    [[nodiscard]] std::uint64_t take(std::uint64_t now_ns) noexcept {
        const std::uint64_t due = due_by(now_ns);
        const std::uint64_t taken = std::min(due > taken_ ? due - taken_ : 0, most_a_turn_);
        taken_ += taken;
        return taken;
    }

    // How late the next one is.
    [[nodiscard]] std::uint64_t lag_ns(std::uint64_t now_ns) const noexcept {
        const std::uint64_t next_ns = begin_ns_ + static_cast<std::uint64_t>(static_cast<double>(taken_) / per_ns_);
        return now_ns > next_ns ? now_ns - next_ns : 0;
    }

  private:
    [[nodiscard]] std::uint64_t due_by(std::uint64_t now_ns) const noexcept {
        return now_ns < begin_ns_ ? 0 : static_cast<std::uint64_t>(static_cast<double>(now_ns - begin_ns_) * per_ns_);
    }

    double per_ns_;
    std::uint64_t most_a_turn_;
    std::uint64_t begin_ns_;
    std::uint64_t taken_ = 0;
};

}  // namespace rebuilder::bench
