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

// Adds what was measured to the report, and a note for each program that can't be run.
void run_rounds(std::vector<Program> programs, std::uint32_t rounds, Report& report);

}  // namespace rebuilder::bench
