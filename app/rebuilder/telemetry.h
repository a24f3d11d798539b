// SPDX-License-Identifier: Apache-2.0
// What DPDK's telemetry answers for us, beside what it knows itself (/ethdev/stats, /eal/params, ...).
//
//   /rebuilder/stats    all counters, and those of each output; with ",N" behind it those of worker N alone
//   /rebuilder/flows    connections, buffers and waiting requests, each with its limit
//   /rebuilder/config   every option with its value
#pragma once

#include <functional>
#include <vector>

#include "nic/telemetry.h"
#include "snapshot.h"

namespace rebuilder {

[[nodiscard]] std::vector<nic::TelemetryCommand> telemetry_commands(std::function<Snapshot()> snapshot);

}  // namespace rebuilder
