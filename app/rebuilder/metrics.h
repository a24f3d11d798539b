// SPDX-License-Identifier: Apache-2.0
// Metrics: a Snapshot in Prometheus' text format 0.0.4, for GET /metrics.
//
// The names are those of base/counters.def with `rebuilder_` in front, and `_total` behind counters; README.md, "Metrics",
// lists the others. Each series of a forwarder or worker is its own, so that sums are made where they are wanted.
#pragma once

#include <string>

#include "snapshot.h"

namespace rebuilder {

inline constexpr const char* metrics_type = "text/plain; version=0.0.4; charset=utf-8";

[[nodiscard]] std::string metrics_text(const Snapshot& snapshot);

}  // namespace rebuilder
