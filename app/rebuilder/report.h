// SPDX-License-Identifier: Apache-2.0
// How a run ends for whoever started it: the ledger, what went wrong, and the exit status.
#pragma once

#include <string>
#include <vector>

#include "base/ledger.h"
#include "config.h"

namespace rebuilder {

// Throws Error (usage) when --ledger can't be written. The file is left as it is, and made only at the end: a run that is
// refused keeps the one of the run before.
void check_ledger_file(const Config& config);

// Writes --ledger, prints a summary (run: the whole ledger) and the problems on stderr. `blocks_left` are buffers that
// nobody gave back: like a law that doesn't hold, a fault of ours. Answers the exit status.
[[nodiscard]] int report_end(
    const Config& config, const Ledger& ledger, std::size_t blocks_left, const std::vector<std::string>& problems);

}  // namespace rebuilder
