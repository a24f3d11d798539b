// SPDX-License-Identifier: Apache-2.0
// The options of scenarios that have a testbed, and what reports say of it.
#pragma once

#include <string>
#include <vector>

#include "report.h"
#include "scenario.h"
#include "testbed.h"

namespace CLI {
class App;
}

namespace rebuilder::bench {

void add_testbed_options(CLI::App& app, TestbedSettings& settings);
// Throws Error: usage when the options don't go together, runtime when there is one core only.
void complete_testbed_settings(const Settings& all, TestbedSettings& settings);

[[nodiscard]] std::string describe(const TestbedSettings& settings);
// Of the trials whose figures are reported. Says so when other programs were in their way.
void note_disturbance(const std::vector<Trial>& trials, Report& report);
void note_testbed(const TestbedSettings& settings, const Testbed& testbed, Report& report);

}  // namespace rebuilder::bench
