// SPDX-License-Identifier: Apache-2.0
// LineStages: the stages of the line, each on top of those before it, and what it is compared with.
//
// The stages are the product's own code, put together as the worker puts them together, but for what comes behind. None
// changes the frames; all look at them in the same bursts, in the same order.
// Out: a Measurement, once what was found is what was made; else they throw Error (runtime).
#pragma once

#include "report.h"
#include "traffic.h"

namespace rebuilder::bench {

// Reads the first byte of each of a frame's first two lines: what receiving a frame costs at least.
[[nodiscard]] Measurement touch_frames(const Traffic& traffic);
// Takes the tunnel off.
[[nodiscard]] Measurement take_off_tunnels(const Traffic& traffic);
// Finds each segment's flow in the table, which begins empty.
[[nodiscard]] Measurement find_flows(const Traffic& traffic);
// Puts the streams together.
[[nodiscard]] Measurement put_together(const Traffic& traffic);
// Rebuilds the requests.
[[nodiscard]] Measurement rebuild_requests(const Traffic& traffic);

// Copies the payload of each segment into a buffer that stays in the cache.
[[nodiscard]] Measurement copy_payload(const Traffic& traffic);
// llhttp alone: the payload of each of the clients' segments goes to its connection's parser. It is told to call back at the
// end of each request, which is all it is asked for. Parsers are made, and found, before the clock runs.
// Only of traffic that isn't impaired.
[[nodiscard]] Measurement parse_with_llhttp(const Traffic& traffic);

}  // namespace rebuilder::bench
