// SPDX-License-Identifier: Apache-2.0
// Clock: nanoseconds since the Unix epoch for the line, from the CPU's time stamp counter, not from the kernel.
//
// Each worker has its own, so nothing is shared. The counter's rate is known only roughly (DPDK rounds it to
// 10 MHz, which could be a minute a day), so a few times a second now() looks at the kernel's monotonic clock
// and bends its slope to meet it: time never jumps and never goes back, not even when the wall clock is set
// while we run. The wall clock is read once, at construction. Needs Eal for the counter's rate.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>

#include <rte_cycles.h>

namespace rebuilder::nic {

struct HostTime {
    [[nodiscard]] static std::uint64_t ticks() noexcept { return rte_rdtsc(); }
    [[nodiscard]] static std::uint64_t ticks_per_second() noexcept { return rte_get_tsc_hz(); }
    [[nodiscard]] static std::uint64_t wall_ns() noexcept { return read(CLOCK_REALTIME); }
    [[nodiscard]] static std::uint64_t monotonic_ns() noexcept { return read(CLOCK_MONOTONIC); }

  private:
    static std::uint64_t read(clockid_t clock) noexcept {
        timespec time{};
        ::clock_gettime(clock, &time);
        return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
    }
};

template <class Time>
class BasicClock {
  public:
    explicit BasicClock(Time time = {}) noexcept
        : time_(time)
        , interval_ticks_(std::max<std::uint64_t>(time.ticks_per_second() / 8, 1))
        , slope_(slope(interval_ns, interval_ticks_))
        , epoch_ns_(time.wall_ns() - time.monotonic_ns())
        , anchor_ticks_(time.ticks())
        , anchor_ns_(time.monotonic_ns())
        , measured_ns_(anchor_ns_)
        , last_ns_(anchor_ns_) {}

    [[nodiscard]] std::uint64_t now() noexcept {
        const std::uint64_t ticks = time_.ticks();
        // Counters of different CPUs may differ by a little: a thread that moved must not see time go back.
        const std::uint64_t passed = ticks > anchor_ticks_ ? ticks - anchor_ticks_ : 0;
        if (passed == 0 && anchor_ticks_ - ticks > interval_ticks_) [[unlikely]]
            begin_anew(ticks);
        last_ns_ = std::max(last_ns_, anchor_ns_ + scaled(passed));
        if (passed >= interval_ticks_) [[unlikely]]
            meet_the_kernel(ticks, passed);
        return epoch_ns_ + last_ns_;
    }

  private:
    static constexpr std::uint64_t interval_ns = 1'000'000'000 / 8;
    static constexpr int fraction_bits = 32;
    __extension__ using Wide = unsigned __int128;  // no overflow in 500 years

    static std::uint64_t slope(std::uint64_t ns, std::uint64_t ticks) noexcept {
        return static_cast<std::uint64_t>((Wide{ns} << fraction_bits) / ticks);
    }
    [[nodiscard]] std::uint64_t scaled(std::uint64_t ticks) const noexcept {
        return static_cast<std::uint64_t>((Wide{ticks} * slope_) >> fraction_bits);
    }

    // A counter that is far behind itself began again from nought: the machine was away, on its disk, say.
    void begin_anew(std::uint64_t ticks) noexcept {
        measured_ns_ = time_.monotonic_ns();
        last_ns_ = std::max(last_ns_, measured_ns_);
        anchor_ticks_ = ticks;
        anchor_ns_ = last_ns_;
    }

    // Goes on from where we are, at the rate just measured, corrected so that one interval later we are where
    // the kernel is by then. Never slower than half that rate, never faster than twice.
    void meet_the_kernel(std::uint64_t ticks, std::uint64_t passed) noexcept {
        const std::uint64_t kernel_ns = time_.monotonic_ns();
        const std::uint64_t rate = slope(kernel_ns - measured_ns_, passed);
        const auto behind = static_cast<std::int64_t>(kernel_ns - last_ns_);
        const auto plain = static_cast<std::int64_t>((Wide{interval_ticks_} * rate) >> fraction_bits);
        const std::int64_t wanted = std::clamp(plain + behind, plain / 2, plain * 2);
        slope_ = slope(static_cast<std::uint64_t>(wanted), interval_ticks_);
        anchor_ticks_ = ticks;
        anchor_ns_ = last_ns_;
        measured_ns_ = kernel_ns;
    }

    Time time_;
    std::uint64_t interval_ticks_;
    std::uint64_t slope_;         // nanoseconds a tick, fixed point
    std::uint64_t epoch_ns_;      // wall clock minus monotonic clock at the start
    std::uint64_t anchor_ticks_;  // where the present slope began
    std::uint64_t anchor_ns_;
    std::uint64_t measured_ns_;  // the kernel's time then
    std::uint64_t last_ns_;
};

using Clock = BasicClock<HostTime>;

}  // namespace rebuilder::nic
