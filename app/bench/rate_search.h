// SPDX-License-Identifier: Apache-2.0
// RateSearch: the highest rate at which a trial passes.
//
// Doubles the rate until it fails, or halves it until it passes, then cuts the range between in two. What holds for a rate
// is assumed to hold for all below it, or above it, too.
#pragma once

#include <functional>
#include <optional>

namespace rebuilder::bench {

struct RateSearch {
    double first = 0;         // rate to begin with
    double precision = 0.03;  // the answer fails when it is raised by this share
    double least = 100;       // where halving ends
    double most = 1e9;        // where doubling ends

    // The highest rate that passed; nothing when not even the least did.
    [[nodiscard]] std::optional<double> run(const std::function<bool(double rate)>& passes) const;
};

}  // namespace rebuilder::bench
