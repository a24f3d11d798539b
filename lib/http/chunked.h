// SPDX-License-Identifier: Apache-2.0
// ChunkedDecoder: the chunked transfer coding (RFC 9112, section 7.1), split anywhere.
//
// In:    bytes behind the header section.
// Out:   one thing at a time: a run of body bytes, the last chunk, a need for more, or that it is no chunked coding.
//        Behind the last chunk stands the trailer section, which is not this decoder's.
// Rules: framed as nginx frames it. A size is hexadecimal and below 2^64; what follows it on its line (extensions) is
//        skipped; a line may end with LF alone, but a CR that no LF follows is refused, since to some it ends the line.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace rebuilder::http {

class ChunkedDecoder {
  public:
    enum class Found : std::uint8_t { data, last_chunk, need_more, malformed };

    struct Step {
        Found found;
        std::size_t used;  // bytes of the input that are behind us now
        Bytes data;        // with Found::data: the part of them that is body
    };

    [[nodiscard]] Step step(Bytes bytes) noexcept;

    // Passes over bytes that will never come. False when they may hold more than the data of the current chunk: then
    // the framing is lost.
    [[nodiscard]] bool skip(std::uint64_t bytes) noexcept;

  private:
    enum class State : std::uint8_t { size_start, size, extension, size_end_lf, data, data_end_cr, data_end_lf };

    std::uint64_t left_ = 0;  // size: as read so far; data: bytes to come
    State state_ = State::size_start;
};

}  // namespace rebuilder::http
