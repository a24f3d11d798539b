// SPDX-License-Identifier: Apache-2.0
// Sender: the product's Forwarder, fed with prepared requests, in the thread that is measured.
//
// The thread is the worker, too: it offers a slot again as soon as it came back, which copies nothing and touches no
// request. That costs some 20 ns a request, and is in the figures. Rounds are those of Forwarder's own thread.
// Out: a Measurement, once every slot that was handed off is answered. Throws Error (runtime) when one failed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "forward/output.h"
#include "report.h"
#include "requests.h"

namespace rebuilder::bench {

struct SendSettings {
    std::string output;
    forward::HttpOptions http;
    std::uint32_t at_once = 1;  // on a connection: pipelined, or streams on average
    std::uint64_t requests = 0;
    std::uint64_t rate = 0;  // offered in a second; 0: as many as the output takes
    bool latencies = false;  // measured, at the cost of reading the clock once a round
};

struct SendResult {
    Measurement measurement;       // of the requests behind the first ones, which opened the connections
    std::uint64_t handed_off = 0;  // with those
};

[[nodiscard]] SendResult send_requests(const std::vector<Sample>& samples, const SendSettings& settings);

}  // namespace rebuilder::bench
