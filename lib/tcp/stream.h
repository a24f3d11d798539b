// SPDX-License-Identifier: Apache-2.0
// StreamChunk: what the reassembler says about one direction of a connection, in stream order.
//
// open   the stream begins; `midstream` when it was joined without its SYN
// data   the next bytes. They live until the sink returns
// gap    `gap_bytes` bytes will never come; the next data stands behind them
// close  nothing follows, and why
// Offsets count from the stream's first byte known, in 64 bits: sequence numbers end at the reassembler.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace rebuilder::tcp {

enum class CloseReason : std::uint8_t {
    ended,    // FIN, RST, or a new connection on the same ports
    idle,     // the idle timeout
    evicted,  // the table was full
    drained,  // the run ends
};

// A gap of unknown size: the stream goes on in another place.
inline constexpr std::uint64_t unknown_gap = ~0ull;

struct StreamChunk {
    enum class Kind : std::uint8_t { open, data, gap, close };

    Kind kind = Kind::data;
    bool midstream = false;                   // open
    bool segment_start = false;               // data: the first byte was the first byte of a segment's payload
    CloseReason reason = CloseReason::ended;  // close
    std::uint64_t offset = 0;
    Bytes data;
    std::uint64_t gap_bytes = 0;
    std::uint64_t time_ns = 0;  // data: when the frame came that brought it
};

// What the consumer of a stream wants to see of it from now on.
enum class Appetite : std::uint8_t {
    more,
    nothing,  // it isn't a stream of requests: its bytes are counted and thrown away until it is opened again
};

}  // namespace rebuilder::tcp
