// SPDX-License-Identifier: Apache-2.0
// Ledger: all counters of a run, and the conservation laws between them.
//
//   frames            = segments + every frame_drop
//   TCP payload bytes = delivered + every byte_drop
//   flows opened      = every flow_ended
//   requests started  = rebuilt + every request_lost
//   for each output:  requests rebuilt = filtered + absent + every request_shed + handed off
//                     handed off       = every request_answered + every request_failed
// They hold exactly once everything is drained. A law that doesn't hold is a fault of this program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/counters.h"

namespace rebuilder {

struct Law {
    std::string name;
    std::uint64_t left = 0;
    std::uint64_t right = 0;

    [[nodiscard]] bool holds() const noexcept { return left == right; }
};

struct Ledger {
    struct Output {
        std::string name;
        CounterValues values;  // what workers handed it, and what its forwarders made of it
    };

    CounterValues workers;  // the sum of all
    std::vector<Output> outputs;

    [[nodiscard]] std::vector<Law> laws() const;
    [[nodiscard]] bool holds() const;

    // {"laws":[{"name","left","right","holds"}],"counters":{...},"outputs":[{"output","counters":{...}}]}
    [[nodiscard]] std::string json() const;
    // For people: the counters that aren't zero, and the laws.
    [[nodiscard]] std::string text() const;
};

}  // namespace rebuilder
