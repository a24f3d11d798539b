// SPDX-License-Identifier: Apache-2.0
#include "rounds.h"

#include <fmt/format.h>

#include <utility>

namespace rebuilder::bench {
namespace {

constexpr double most_disturbance = 0.02;  // share of the time

}  // namespace

Measurement Disturbance::watch(const Measurement& measurement) {
    wall_ns_ += measurement.wall_ns;
    cpu_ns_ += measurement.cpu.total_ns;
    return measurement;
}

void Disturbance::note(Report& report) const {
    const double others = 1 - static_cast<double>(cpu_ns_) / static_cast<double>(wall_ns_);
    if (others < most_disturbance) return;
    report.note(
        fmt::format("Others had the core for {:.0f} % of the time: the figures are theirs, too.", others * 100));
}

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
