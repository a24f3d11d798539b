// SPDX-License-Identifier: Apache-2.0
// The options of scenarios that read mirrored traffic, and what reports say of them.
#pragma once

#include <string>

#include "report.h"
#include "traffic.h"

namespace CLI {
class App;
}

namespace rebuilder::bench {

// What `settings` has is the default.
void add_traffic_options(CLI::App& app, TrafficSettings& settings);
// Throws Error (usage) when they don't go together.
void check_traffic_options(const TrafficSettings& settings);

[[nodiscard]] std::string name_of(TrafficMix mix);
// "100000 requests of 10000 connections, mix browser"
[[nodiscard]] std::string describe(const TrafficSettings& settings);
void note_settings(const TrafficSettings& settings, const Traffic& traffic, Report& report);

}  // namespace rebuilder::bench
