// SPDX-License-Identifier: Apache-2.0
// Stages: the ledger as people follow it: what came into each stage of the line, what went on, and each reason why not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "snapshot.h"

namespace rebuilder {

struct Stage {
    struct Reason {
        std::string text;
        std::uint64_t amount = 0;
        bool loss = false;  // else it was left out on purpose (set_aside.h)
    };

    std::string_view name;
    std::uint64_t in = 0;
    std::uint64_t on = 0;
    std::vector<Reason> reasons;  // that moved: losses first, the largest of each first
    bool in_bytes = false;

    // The share of what came in.
    [[nodiscard]] double lost() const noexcept;
};

// Of all that happened up to this snapshot. For several outputs, the last two are sums over them.
[[nodiscard]] std::vector<Stage> stages(const Snapshot& snapshot);

// What happened between the two: counters, ports, outputs and sources hold differences, all else is as in `now`.
[[nodiscard]] Snapshot difference(const Snapshot& before, const Snapshot& now);

// The latency that this share of the answers did not exceed; negative when there are none.
[[nodiscard]] double percentile(const Snapshot::Latency& latency, double share);

}  // namespace rebuilder
