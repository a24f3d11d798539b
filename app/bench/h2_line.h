// SPDX-License-Identifier: Apache-2.0
// H2Line: the product's worker, with one output, fed with mirrored frames in the thread that is measured.
//
// Bursts, ticks and limits are as the appliance has them. The output is the null output's: it gives slots back as soon as
// it has them, after each burst, which is in the figures.
// Out: a Measurement, once every request was rebuilt and handed off, and nothing else was. Throws Error (runtime) otherwise.
#pragma once

#include <cstdint>

#include "forward/handoff.h"
#include "h2_traffic.h"
#include "pipeline/worker.h"
#include "report.h"

namespace rebuilder::bench {

class H2Line {
  public:
    // The traffic outlives it. Its connections are other ones in each run.
    explicit H2Line(H2Traffic& traffic);

    // Reads each slot, and compares it with what was made. Not measured, but what is measured later has to be as many bytes.
    void verify();
    [[nodiscard]] Measurement run();

  private:
    template <class Take>
    void push_frames(Take take);
    void settle();

    H2Traffic& traffic_;
    forward::Channel channel_;
    pipeline::Worker worker_;
    CounterValues before_;                 // the worker's, at the end of the last run
    std::uint64_t handed_off_before_ = 0;  // and the channel's
    std::uint64_t wire_bytes_ = 0;         // of all slots of a run
};

}  // namespace rebuilder::bench
