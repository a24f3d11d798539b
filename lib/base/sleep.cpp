// SPDX-License-Identifier: Apache-2.0
#include "base/sleep.h"

#include <sys/prctl.h>
#include <time.h>

namespace rebuilder {

void want_exact_sleeps() noexcept {
    constexpr unsigned long slack_ns = 1000;
    (void)::prctl(PR_SET_TIMERSLACK, slack_ns, 0, 0, 0);
}

void sleep_for(std::uint64_t ns) noexcept {
    constexpr std::uint64_t second = 1'000'000'000;
    if (ns == 0) return;
    const timespec time{.tv_sec = static_cast<time_t>(ns / second), .tv_nsec = static_cast<long>(ns % second)};
    (void)::clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
}

}  // namespace rebuilder
