// SPDX-License-Identifier: Apache-2.0
// SnapshotReader: a Snapshot from the JSON that another process made of its own (GET /status.json).
//
// What is missing or of another type is as in an empty Snapshot, and what is unknown is passed over: the other process may be
// of another version. Bytes that are no UTF-8 become '?'.
#pragma once

#include <string>

#include "snapshot.h"

namespace rebuilder {

// Throws Error (runtime) that says what is wrong when it is no JSON object.
[[nodiscard]] Snapshot read_snapshot(std::string json);

}  // namespace rebuilder
