// SPDX-License-Identifier: Apache-2.0
// Why: which connections of a capture gave no requests, or not all of theirs, and why, for a support engineer (replay
// --why).
//
// A reason is a counter and its help text, so a new counter is a new reason; only what no counter says has words of its
// own here.
#pragma once

#include <string>

#include "base/counters.h"
#include "connection_log.h"

namespace rebuilder {

// The summary of a worker that is drained: its log, and its counters.
[[nodiscard]] std::string why(const ConnectionLog& log, const CounterValues& counters);

}  // namespace rebuilder
