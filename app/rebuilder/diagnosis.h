// SPDX-License-Identifier: Apache-2.0
// Diagnosis: what two Snapshots say about a running appliance, in plain sentences for who operates it: whether mirrored
// traffic arrives, whether it is HTTP, whether it is complete, whether it is delivered; and what to do where it isn't.
//
// In:    two snapshots of the same process, a second apart or more. What a few seconds hide, ten show: rates are over the time
//        between them.
// Out:   errors first, then warnings; one sentence of severity `fine` if there are none. Nothing when no time has passed.
// Never: asks anything. One direction only is no finding, nor is traffic that isn't wanted (filters, other protocols beside
//        HTTP); a share has to be worth a sentence.
#pragma once

#include <vector>

#include "snapshot.h"

namespace rebuilder {

[[nodiscard]] std::vector<Finding> diagnose(const Snapshot& before, const Snapshot& now);

}  // namespace rebuilder
