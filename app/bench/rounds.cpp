// SPDX-License-Identifier: Apache-2.0
#include "rounds.h"

#include <utility>

namespace rebuilder::bench {

// Forwards and backwards in turn: what drifts during a round then falls on either side.
void run_rounds(std::vector<Program> programs, std::uint32_t rounds, Report& report) {
    for (std::uint32_t round = 0; round < rounds && !programs.empty(); ++round) {
        std::vector<std::optional<Measurement>> measured(programs.size());
        for (std::size_t i = 0; i < programs.size(); ++i) {
            const std::size_t which = round % 2 == 0 ? i : programs.size() - 1 - i;
            measured[which] = programs[which].run();
        }
        std::vector<Program> able;
        for (std::size_t i = 0; i < programs.size(); ++i) {
            if (measured[i]) {
                report.add(programs[i].name, *measured[i]);
                able.push_back(programs[i]);
            } else {
                report.note(programs[i].name + ": not here, so there is no ratio to it.");
            }
        }
        programs = std::move(able);
    }
}

}  // namespace rebuilder::bench
