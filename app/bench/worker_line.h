// SPDX-License-Identifier: Apache-2.0
// WorkerLine: the product's worker, with one output, fed with mirrored frames in the thread that is measured.
//
// Bursts, ticks and limits are as the appliance has them. The output is the null output's: it gives slots back as soon as
// it has them, after each burst, which is in the figures.
// Out: a Measurement, once what was expected was rebuilt and handed off, and nothing else was. Throws Error (runtime) otherwise.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "cache_misses.h"
#include "forward/handoff.h"
#include "mirror.h"
#include "pipeline/worker.h"
#include "report.h"

namespace rebuilder::bench {

class WorkerLine {
  public:
    struct Expected {
        std::uint64_t requests = 0;
        bool intact = true;                  // no byte comes twice or is missing: then no request may be lost
        std::size_t warm_up = 0;             // frames in front of those that are measured; and how many
        std::uint64_t warm_up_requests = 0;  // of the requests are theirs
    };

    // The mirror outlives it. Its connections are other ones in each run.
    WorkerLine(Mirror& mirror, const Expected& expected, const tcp::Limits& limits = {});

    // Shows each slot to `look`, which answers what is wrong with it, or nothing. Not measured, but what is measured later
    // has to be as many bytes.
    void verify(const std::function<std::string(const forward::Slot&)>& look);
    [[nodiscard]] Measurement run();

    // Of the last run.
    [[nodiscard]] std::optional<std::uint64_t> cache_misses() const noexcept { return cache_misses_; }

  private:
    template <class Take>
    void push_frames(std::span<const packet::Frame> frames, Take take);
    void settle();

    Mirror& mirror_;
    Expected expected_;
    forward::Channel channel_;
    pipeline::Worker worker_;
    CounterValues before_;                 // the worker's, at the end of the last run
    std::uint64_t handed_off_before_ = 0;  // and the channel's
    std::uint64_t wire_bytes_ = 0;         // of all slots of a run
    std::optional<std::uint64_t> cache_misses_;
};

}  // namespace rebuilder::bench
