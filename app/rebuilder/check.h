// SPDX-License-Identifier: Apache-2.0
// Check: what `rebuilder check` answers: the configuration that counts, and whether this host can carry it.
//
// Looks and never touches: no EAL, no socket, no file written. The findings are comments, so that all of the
// output is a configuration file again.
#pragma once

#include <iosfwd>

#include "config.h"

namespace rebuilder {

// The exit status: 0 when `rebuilder run` has what it needs, 1 when something is lacking.
[[nodiscard]] int check_host(const Config& config, std::ostream& out);

}  // namespace rebuilder
