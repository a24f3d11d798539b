// SPDX-License-Identifier: Apache-2.0
// run: the appliance. Opens everything, runs until SIGINT, SIGTERM or the end of its inputs, drains, and accounts.
// SIGHUP has it read its configuration again (reload.h).
#pragma once

#include <functional>

#include "config.h"

namespace rebuilder {

// The exit status. Throws Error when something needed can't be had.
// `read_again` gives the Config as it would be now, or throws.
[[nodiscard]] int run(const Config& config, std::function<Config()> read_again);

}  // namespace rebuilder
