// SPDX-License-Identifier: Apache-2.0
// Histogram: how often each time was measured, to within a sixty-fourth of it.
//
// All times from 1 ns to 18 minutes; what is longer counts as that. One writer; others may read meanwhile, as it is
// only counters. It has no pointers, so it can lie in memory that processes share.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace rebuilder::bench {

class Histogram {
  public:
    void add(std::uint64_t ns) noexcept {
        std::atomic<std::uint64_t>& place = counts_[place_of(ns)];
        place.store(place.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    void clear() noexcept {
        for (auto& place : counts_) place.store(0, std::memory_order_relaxed);
    }

    [[nodiscard]] std::uint64_t count() const noexcept {
        std::uint64_t sum = 0;
        for (const auto& place : counts_) sum += place.load(std::memory_order_relaxed);
        return sum;
    }
    // The time that the share `of` (0 to 1) of all doesn't exceed, at most a sixty-fourth more. 0 when there are none.
    [[nodiscard]] std::uint64_t quantile(double of) const noexcept {
        const auto all = count();
        if (all == 0) return 0;
        const auto rank = static_cast<std::uint64_t>(of * static_cast<double>(all - 1));
        std::uint64_t below = 0;
        std::size_t place = 0;
        while (place + 1 < places && (below += counts_[place].load(std::memory_order_relaxed)) <= rank) ++place;
        return most_at(place);
    }

  private:
    // Each power of two is cut in 64 places; below 128 each number has its own.
    static constexpr unsigned cut_bits = 6;
    static constexpr unsigned most_bits = 40;
    static constexpr std::size_t places = (most_bits - cut_bits + 1) << cut_bits;

    static std::size_t place_of(std::uint64_t ns) noexcept {
        ns = std::min(ns, (std::uint64_t{1} << most_bits) - 1);
        const auto bits = static_cast<unsigned>(std::bit_width(ns));
        const unsigned shift = bits > cut_bits + 1 ? bits - cut_bits - 1 : 0;
        return (std::size_t{shift} << cut_bits) + (ns >> shift);
    }
    static std::uint64_t most_at(std::size_t place) noexcept {
        const std::size_t octave = place >> cut_bits;
        const std::size_t shift = octave == 0 ? 0 : octave - 1;
        return ((place - (shift << cut_bits) + 1) << shift) - 1;
    }

    std::array<std::atomic<std::uint64_t>, places> counts_{};
};

}  // namespace rebuilder::bench
