// SPDX-License-Identifier: Apache-2.0
#include "measure.h"

#include <ctime>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>

namespace rebuilder::bench {
namespace {

double median_of(std::vector<double>& values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    if (values.size() % 2 != 0) return *middle;
    return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

std::uint64_t in_ns(const timeval& time) noexcept {
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_usec) * 1'000;
}

}  // namespace

Spread spread_of(std::vector<double> values) {
    Spread spread;
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    spread.least = *least;
    spread.most = *most;
    spread.median = median_of(values);
    for (double& value : values) value = std::abs(value - spread.median);
    spread.mad = median_of(values);
    return spread;
}

std::uint64_t quantile(std::vector<std::uint64_t>& values, double of) {
    const auto rank = static_cast<std::ptrdiff_t>(of * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), values.begin() + rank, values.end());
    return values[static_cast<std::size_t>(rank)];
}

CpuTime thread_cpu_time() noexcept {
    timespec total{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &total);
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    return {static_cast<std::uint64_t>(total.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(total.tv_nsec),
        in_ns(usage.ru_utime), in_ns(usage.ru_stime)};
}

std::vector<unsigned> usable_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<unsigned> cpus;
    if (::sched_getaffinity(0, sizeof(set), &set) != 0) return cpus;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
    return cpus;
}

bool pin_to(unsigned cpu) noexcept {
    if (cpu >= CPU_SETSIZE) return false;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return ::sched_setaffinity(0, sizeof(set), &set) == 0;
}

}  // namespace rebuilder::bench
