// SPDX-License-Identifier: Apache-2.0
// Http1: the bytes of one HTTP/1 request in, its parts out (RFC 9112).
//
// In:   advance() takes a Message and the next bytes of its stream, split anywhere.
// Out:  a Progress: how many of the bytes belong to the message, and whether it needs more, is complete, or cannot be
//       framed. A complete message is read through view(); the bytes given last must still be there.
// How:  line by line, in place while the message fits its segment. Bodies are only counted, so their framing survives a
//       gap. What servers are known to answer is taken, so that an analyser can be shown it; where two servers would
//       find the message's end in different places, it is refused as ambiguous (framing.h).
// A message that can't be kept (no memory, too large by policy) is still followed for its framing: Message::lost. So is a
//       head that can't (lost_head.h), for a server may have taken it, and then its body is no place to look for requests.
// Never allocates, throws or reads a clock; its memory is the MessagePool's.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/counters.h"
#include "http/framing.h"
#include "http/limits.h"
#include "http/message.h"
#include "http/request.h"

namespace rebuilder::http {

class Http1 {
  public:
    enum class Verdict : std::uint8_t { need_more, complete, failed };

    struct Progress {
        Verdict verdict;
        std::size_t used;                  // of the bytes given; all of them with need_more
        Counter reason = Counter::frames;  // with failed: the requests_lost_* counter
        bool ambiguous = false;            // with failed: nobody can tell what the bytes behind it are
    };

    Http1(const Limits& limits, MessagePool& pool);

    [[nodiscard]] Progress advance(Message& message, Bytes bytes) const noexcept;

    // Bytes of the message's stream will never come. True when they are inside its body and the framing survives: the
    // message is lost then, but goes on. False: where the next request begins isn't known any more.
    [[nodiscard]] bool skip(Message& message, std::uint64_t bytes) const noexcept;

  private:
    struct Feed;  // one call's bytes, as the stages share them

    // Each stage answers true to go on with the next, or false with its verdict in `feed.progress`.
    bool read_start(Message& message, Feed& feed) const noexcept;
    bool read_lines_in_place(Message& message, Feed& feed) const noexcept;
    bool read_line(Message& message, Feed& feed) const noexcept;
    bool read_head(Message& message, Feed& feed) const noexcept;
    bool end_head(Message& message, Feed& feed) const noexcept;
    bool lose_head(Message& message, Feed& feed) const noexcept;
    bool follow_head(Message& message, Feed& feed) const noexcept;
    bool begin_body(Message& message, Feed& feed, const std::optional<BodyFraming>& framing) const noexcept;
    bool read_length_body(Message& message, Feed& feed) const noexcept;
    bool read_chunked_body(Message& message, Feed& feed) const noexcept;
    bool read_trailers(Message& message, Feed& feed) const noexcept;
    bool take_line(Message& message, Feed& feed, std::string_view& line) const noexcept;
    bool add_line(Message& message, Feed& feed, std::string_view line, Counter malformed) const noexcept;
    bool skip_trailers(Message& message, Feed& feed) const noexcept;
    bool suspend(Message& message) const noexcept;
    bool suspend_text(Message& message) const noexcept;

    Limits limits_;
    MessagePool& pool_;
};

}  // namespace rebuilder::http
