// SPDX-License-Identifier: Apache-2.0
// Arrivals: when each numbered request left, and how long it was under way; in memory that whoever sends shares with the
// process of the sink.
//
// A number may leave again once it has arrived. What arrives without having left, or twice, is a stray; a number that
// leaves while it is still under way is overtaken: then somebody lost it, or it took as long as all others together.
// One thread says what leaves, one what arrives. All figures are right when both rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "histogram.h"

namespace rebuilder::bench {

class Arrivals {
  public:
    // Of numbers below `numbers`. Throws Error (runtime) when there is no memory. Before the sink forks.
    explicit Arrivals(std::size_t numbers);

    void left(std::size_t number, std::uint64_t now_ns) noexcept;
    void arrived(std::size_t number, std::uint64_t now_ns) noexcept;

    [[nodiscard]] std::uint64_t paired() const noexcept { return shared_->latencies.count(); }
    [[nodiscard]] std::uint64_t strays() const noexcept { return shared_->strays.load(); }
    [[nodiscard]] std::uint64_t overtaken() const noexcept { return shared_->overtaken.load(); }
    // From when the time of a request's leaving was taken until that of its arrival was.
    [[nodiscard]] const Histogram& latencies() const noexcept { return shared_->latencies; }
    // Forgets all, also what is under way.
    void clear() noexcept;

  private:
    struct Shared {
        Histogram latencies;
        std::atomic<std::uint64_t> strays;
        std::atomic<std::uint64_t> overtaken;
    };
    struct Unmap {
        std::size_t bytes;
        void operator()(Shared* shared) const noexcept;
    };
    using Time = std::atomic<std::uint64_t>;

    std::size_t numbers_;
    std::unique_ptr<Shared, Unmap> shared_;
    Time* left_ns_;  // behind it: of each number under way, else 0
};

}  // namespace rebuilder::bench
