// SPDX-License-Identifier: Apache-2.0
// Measuring: clocks, cores, and what repeated measurements say together.
//
// The speed of a shared machine drifts by a third within minutes. So a scenario runs its programs in turn, round after
// round, and compares those of one round; what it reports is the median, with the median absolute deviation (MAD) as its
// spread, since one disturbed round moves neither.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"

namespace rebuilder::bench {

struct Spread {
    double median = 0;
    double mad = 0;
    double least = 0;
    double most = 0;
};

// `values` has at least one.
[[nodiscard]] Spread spread_of(std::vector<double> values);

// The value that the share `of` (0 to 1) of `values` doesn't exceed. `values` has at least one, and is reordered.
[[nodiscard]] std::uint64_t quantile(std::vector<std::uint64_t>& values, double of);

struct CpuTime {
    std::uint64_t total_ns = 0;  // exact
    std::uint64_t user_ns = 0;   // the kernel splits the total by samples, so these two need some ms to be of use
    std::uint64_t system_ns = 0;

    CpuTime operator-(const CpuTime& earlier) const noexcept {
        return {total_ns - earlier.total_ns, user_ns - earlier.user_ns, system_ns - earlier.system_ns};
    }
};

// Of the calling thread.
[[nodiscard]] CpuTime thread_cpu_time() noexcept;

// The cores that this process may use.
[[nodiscard]] std::vector<unsigned> usable_cpus();

// Binds the calling thread, and the processes that it forks, to one core. False when that may not be used.
[[nodiscard]] bool pin_to(unsigned cpu) noexcept;

}  // namespace rebuilder::bench
