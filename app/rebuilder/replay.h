// SPDX-License-Identifier: Apache-2.0
// replay: capture files through the same Worker as the appliance's, without ports, hugepages or threads. Time is the
// capture's. Nothing is shed for want of speed: when an output is slow, the files wait.
#pragma once

#include "config.h"

namespace rebuilder {

// The exit status. Throws Error when a file or an output can't be opened.
[[nodiscard]] int replay(const Config& config);

}  // namespace rebuilder
