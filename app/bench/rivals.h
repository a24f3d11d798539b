// SPDX-License-Identifier: Apache-2.0
// Rivals: wrk and h2load, other people's programs that do the same, on the same core and to the same server.
//
// Their CPU time is that of the whole process, start and end included, which is some ms. Out: a Measurement of the
// requests that they say were answered; nothing when the program isn't installed. Throws Error (runtime) when one of them
// fails, or says that requests did.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "report.h"
#include "requests.h"

namespace rebuilder::bench {

struct RivalSettings {
    std::string url;  // http://HOST:PORT
    unsigned cpu = 0;
    std::uint32_t connections = 8;
    std::uint32_t at_once = 1;   // on one connection: pipelined, or streams
    std::uint64_t requests = 0;  // h2load; wrk runs for a second instead
};

// One thread. All samples in turn; a single one is not even asked of Lua again, so that wrk is as fast as it can be.
[[nodiscard]] std::optional<Measurement> run_wrk(const std::vector<Sample>& samples, const RivalSettings& settings);

// One thread, HTTP/2 with prior knowledge. It can send only one body: the sample's in the middle.
[[nodiscard]] std::optional<Measurement> run_h2load(const std::vector<Sample>& samples, const RivalSettings& settings);

}  // namespace rebuilder::bench
