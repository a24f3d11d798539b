// SPDX-License-Identifier: Apache-2.0
// Telemetry: commands of ours on DPDK's telemetry socket, beside its own, for dpdk-telemetry.py and whatever speaks with it.
//
// In:   commands, each with a function that makes its answer. DPDK calls it on a thread of its own, one at a time.
// Out:  the answer as JSON. Names may hold letters, digits, underscores and slashes, anything else in them becomes an underscore;
//       texts are cut at 127 bytes. What doesn't fit DPDK's 16 KiB is its null.
// DPDK forgets no command: after the destructor ours are still listed, but nothing of ours is called. One Telemetry at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace rebuilder::nic {

struct TelemetryEntry {
    std::string name;
    std::variant<std::uint64_t, std::string, std::vector<TelemetryEntry>> value;
};

struct TelemetryCommand {
    std::string path;  // "/rebuilder/..."
    std::string help;
    // `parameter` is what stands behind a comma, or empty. Must not throw.
    std::function<std::vector<TelemetryEntry>(const std::string& parameter)> answer;
};

class Telemetry {
  public:
    explicit Telemetry(std::vector<TelemetryCommand> commands);
    ~Telemetry();
    Telemetry(const Telemetry&) = delete;
    Telemetry& operator=(const Telemetry&) = delete;
};

}  // namespace rebuilder::nic
