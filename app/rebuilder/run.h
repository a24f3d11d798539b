// SPDX-License-Identifier: Apache-2.0
// run: the appliance. Opens everything, runs until SIGINT, SIGTERM or the end of its inputs, drains, and accounts.
#pragma once

#include "config.h"

namespace rebuilder {

// The exit status. Throws Error when something needed can't be had.
[[nodiscard]] int run(const Config& config);

}  // namespace rebuilder
