// SPDX-License-Identifier: Apache-2.0
// Latency: how long an output took to answer, as a histogram with fixed bounds.
//
// One thread writes it, any may read it: values are relaxed atomics, as in base/counters.h.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rebuilder::forward {

class Latency {
  public:
    static constexpr std::uint64_t ms = 1'000'000;
    // Half a millisecond is what a server in the same zone takes at best; a --timeout beyond ten seconds is rare.
    static constexpr std::array<std::uint64_t, 14> bounds_ns{ms / 2, ms, 2 * ms, 5 * ms, 10 * ms, 20 * ms, 50 * ms,
        100 * ms, 200 * ms, 500 * ms, 1000 * ms, 2000 * ms, 5000 * ms, 10'000 * ms};

    // counts[i]: not above bounds_ns[i], and above the bound before it; the last one: above all.
    struct Values {
        std::array<std::uint64_t, bounds_ns.size() + 1> counts{};
        std::uint64_t sum_ns = 0;
    };

    // Owner thread only.
    void add(std::uint64_t passed_ns) noexcept {
        const auto bound = std::lower_bound(bounds_ns.begin(), bounds_ns.end(), passed_ns);
        add_to(counts_[static_cast<std::size_t>(bound - bounds_ns.begin())], 1);
        add_to(sum_ns_, passed_ns);
    }

    // Any thread.
    [[nodiscard]] Values read() const noexcept {
        Values values;
        for (std::size_t i = 0; i < counts_.size(); ++i) values.counts[i] = counts_[i].load(std::memory_order_relaxed);
        values.sum_ns = sum_ns_.load(std::memory_order_relaxed);
        return values;
    }

  private:
    static void add_to(std::atomic<std::uint64_t>& value, std::uint64_t amount) noexcept {
        value.store(value.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    }

    std::array<std::atomic<std::uint64_t>, bounds_ns.size() + 1> counts_{};
    std::atomic<std::uint64_t> sum_ns_{0};
};

}  // namespace rebuilder::forward
