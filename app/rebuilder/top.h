// SPDX-License-Identifier: Apache-2.0
// Top: what a running appliance does, on the terminal, again and again: GET /status.json of its --admin-listen, as top_view().
#pragma once

#include "config.h"

namespace rebuilder {

// Until q, SIGINT, SIGTERM or as many screens as are asked for. Throws Error (runtime) when nobody answers at first; or later,
// unless somebody is looking: then the screen says so, and it goes on asking. Leaves the terminal as it was.
int top(const TopOptions& options);

}  // namespace rebuilder
