// SPDX-License-Identifier: Apache-2.0
// Rounds: the programs of a comparison, each run in turn with the others, round after round.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "report.h"

namespace rebuilder::bench {

// A program of the comparison. Nothing when it can't be run here.
struct Program {
    std::string name;
    std::function<std::optional<Measurement>()> run;
};

// Programs that never wait: when time passes that isn't theirs, others had the core, and its caches.
class Disturbance {
  public:
    Measurement watch(const Measurement& measurement);
    // Says so, where it was more than a little.
    void note(Report& report) const;

  private:
    std::uint64_t wall_ns_ = 0;
    std::uint64_t cpu_ns_ = 0;
};

// Adds what was measured to the report, and a note for each program that can't be run.
void run_rounds(std::vector<Program> programs, std::uint32_t rounds, Report& report);

}  // namespace rebuilder::bench
