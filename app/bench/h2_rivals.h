// SPDX-License-Identifier: Apache-2.0
// What nghttp2 needs to read the same clients, on the same core.
//
// Out: a Measurement, once what was found is what was made; else they throw Error (runtime).
#pragma once

#include "h2_traffic.h"
#include "report.h"

namespace rebuilder::bench {

// Its HPACK inflater alone, one for each connection, over the header blocks: no frames, no streams, no packets. The
// inflaters are made before the clock runs.
[[nodiscard]] Measurement inflate_blocks(const H2Traffic& traffic);

// A whole server session for each connection, over the packets' payload. It checks no HTTP semantics; to each request it
// answers with a RST_STREAM, the least that ends a stream. What it sends is made, and dropped.
[[nodiscard]] Measurement serve_sessions(const H2Traffic& traffic);

}  // namespace rebuilder::bench
