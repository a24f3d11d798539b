// SPDX-License-Identifier: Apache-2.0
// Counters: the per-thread block made from counters.def.
//
// One thread writes a block, any thread may read it: values are relaxed atomics, which compile to plain loads and
// stores. A Counter is also the value with which a stage refuses its input, so a drop that is not counted can't be
// written: the caller does `counters.add(decap(...))`.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rebuilder {

enum class Counter : std::uint8_t {
#define COUNTER(scope, name, role, unit, help) name,
#include "base/counters.def"
#undef COUNTER
};

enum class CounterScope : std::uint8_t { worker, output };

enum class CounterRole : std::uint8_t {
    event,
    frame_in,
    frame_out,
    frame_drop,
    byte_in,
    byte_out,
    byte_drop,
    flow_opened,
    flow_ended,
    request_start,
    request_rebuilt,
    request_lost,
    request_filtered,
    request_absent,
    request_shed,
    request_handed,
    request_answered,
    request_failed,
};

struct CounterInfo {
    CounterScope scope;
    std::string_view name;
    CounterRole role;
    std::string_view unit;
    std::string_view help;
};

inline constexpr auto counter_table = std::to_array<CounterInfo>({
#define COUNTER(scope, name, role, unit, help) {CounterScope::scope, #name, CounterRole::role, unit, help},
#include "base/counters.def"
#undef COUNTER
});

inline constexpr std::size_t counter_count = counter_table.size();

// A copy of a block, or a sum of several: for one thread.
struct CounterValues {
    std::array<std::uint64_t, counter_count> values{};

    [[nodiscard]] std::uint64_t operator[](Counter which) const noexcept {
        return values[static_cast<std::size_t>(which)];
    }
    // The sum of all counters with this role.
    [[nodiscard]] std::uint64_t sum(CounterRole role) const noexcept {
        std::uint64_t total = 0;
        for (std::size_t i = 0; i < counter_count; ++i) {
            if (counter_table[i].role == role) total += values[i];
        }
        return total;
    }
    CounterValues& operator+=(const CounterValues& other) noexcept {
        for (std::size_t i = 0; i < counter_count; ++i) values[i] += other.values[i];
        return *this;
    }
};

class alignas(64) Counters {
  public:
    // Owner thread only.
    void add(Counter which, std::uint64_t amount = 1) noexcept {
        auto& value = values_[static_cast<std::size_t>(which)];
        value.store(value.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    }

    // Any thread. Values are each exact, but not of one instant while the owner runs.
    [[nodiscard]] std::uint64_t operator[](Counter which) const noexcept {
        return values_[static_cast<std::size_t>(which)].load(std::memory_order_relaxed);
    }
    [[nodiscard]] CounterValues read() const noexcept {
        CounterValues copy;
        for (std::size_t i = 0; i < counter_count; ++i) copy.values[i] = values_[i].load(std::memory_order_relaxed);
        return copy;
    }

  private:
    std::array<std::atomic<std::uint64_t>, counter_count> values_{};
};

}  // namespace rebuilder
