// SPDX-License-Identifier: Apache-2.0
// The kernel's monotonic clock, for threads that wait for something. Frames have the time of nic/clock.h.
#pragma once

#include <chrono>
#include <cstdint>

namespace rebuilder {

[[nodiscard]] inline std::uint64_t clock_ns() noexcept {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

}  // namespace rebuilder
