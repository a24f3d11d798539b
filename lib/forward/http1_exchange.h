// SPDX-License-Identifier: Apache-2.0
// Http1Exchange: requests and answers in HTTP/1.1, in the same order (RFC 9112, section 9.3).
//
// Bytes are sent straight from the slots' blocks. One request at a time until one was answered and the connection
// stayed open; only then are they pipelined (section 9.3.2), so that a server that closes behind each answer is not
// sent what it will never read.
// When the connection ends, only the oldest request, whose answer was due, can be to blame. It is not when the server
// had answered others and closed in order before it began to answer: then the request crossed with the end of an idle
// connection. Requests behind an answer that closes the connection were never looked at (section 9.6).
// Never: allocates after construction, or lets two answers change places: an answer that comes when none is due ends
// the connection.
#pragma once

#include <optional>

#include "forward/exchange.h"
#include "forward/response.h"
#include "forward/write_cursor.h"

namespace rebuilder::forward {

class Http1Exchange final : public Exchange {
  public:
    // At most `pipeline` requests at a time. A request has `timeout_ns` for its answer, counted from when the server had
    // taken it and answered all before it; or while the server takes nothing of it.
    Http1Exchange(Owner& owner, std::uint32_t pipeline, std::uint64_t timeout_ns)
        : Exchange(owner, 1)
        , pipeline_(pipeline)
        , timeout_ns_(timeout_ns)
        , requests_(pipeline) {}

    [[nodiscard]] bool begin(std::uint64_t now_ns) noexcept override;
    void add(const Pending& request, std::uint64_t now_ns) noexcept override;
    [[nodiscard]] bool has_output() const noexcept override { return cursor_.written() < requests_.size(); }
    [[nodiscard]] std::size_t gather(std::span<iovec> parts, std::uint64_t now_ns) noexcept override;
    void advance(std::size_t bytes, std::uint64_t now_ns) noexcept override;
    [[nodiscard]] Ending receive(Bytes bytes, std::uint64_t now_ns) noexcept override;
    [[nodiscard]] Ending end_of_stream() noexcept override;
    [[nodiscard]] Ending check(std::uint64_t now_ns) noexcept override;
    void end(Ending why) noexcept override;

  private:
    // Whether an answer can come: the oldest request is on its way and was not answered yet.
    [[nodiscard]] bool answer_due() const noexcept { return cursor_.begun() > 0 && !early_status_; }
    void complete_front(std::uint64_t now_ns) noexcept;
    void end_front(Ending why) noexcept;

    std::uint32_t pipeline_;
    std::uint64_t timeout_ns_;
    PendingRing requests_;  // oldest first
    WriteCursor cursor_;
    ResponseParser responses_;
    std::optional<int> early_status_;  // of the oldest request's answer, which came before all of it was written
    bool persistent_ = false;          // the server has answered and stayed open
    std::uint64_t deadline_ns_ = 0;    // for the oldest request's answer
};

}  // namespace rebuilder::forward
