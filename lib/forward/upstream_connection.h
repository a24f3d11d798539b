// SPDX-License-Identifier: Apache-2.0
// UpstreamConnection: one TCP connection to an HTTP output and the requests that are on it, oldest first.
//
//            connect()              finish_connect()          close()
//   closed -------------> connecting ------------------> open --------> closed
//
// In:    requests by add(), while has_room(); readiness events of the output's epoll. Bytes are written
//        straight from the slots' blocks, many requests with one sendmsg(), and resumed where the kernel
//        stopped taking them.
// Out:   what happened, as return values. What that means for the requests is HttpOutput's business; this
//        class never gives a slot back. Counter: sent_bytes.
// Never: blocks, raises SIGPIPE, allocates after construction.
//
// A connection takes one request until it has answered one and stayed open; only then does it pipeline
// (RFC 9112, section 9.3.2), so that a server that closes behind each answer is not sent what it will
// never read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "base/counters.h"
#include "forward/pending.h"
#include "forward/response.h"
#include "forward/socket_address.h"
#include "forward/write_cursor.h"

namespace rebuilder::forward {

class UpstreamConnection {
  public:
    enum class State : std::uint8_t { closed, connecting, open };
    enum class Io : std::uint8_t { done, later, broken };

    // At most `pipeline` requests at a time. `number` comes back in the epoll events.
    UpstreamConnection(int epoll, std::uint32_t number, std::uint32_t pipeline);
    ~UpstreamConnection() { close(); }

    UpstreamConnection(const UpstreamConnection&) = delete;
    UpstreamConnection& operator=(const UpstreamConnection&) = delete;

    // Begins to connect to an address, of the upstream `upstream_index`, which is only kept. 0, or an errno.
    [[nodiscard]] int connect(const SocketAddress& to, std::size_t upstream_index, std::uint64_t now_ns) noexcept;
    // When the socket became writable: 0, or the errno that says why it is not connected.
    [[nodiscard]] int finish_connect() noexcept;
    // Closes the socket. The requests stay in requests() for the caller to take out.
    void close() noexcept;

    [[nodiscard]] bool has_room() const noexcept {
        return state == State::open && !retiring && requests_.size() < (persistent ? pipeline_ : 1u);
    }
    void add(const Pending& request) noexcept { requests_.push_back(request); }

    // Whether flush() has something to do that no event is awaited for.
    [[nodiscard]] bool unsent() const noexcept { return !wants_write_ && cursor_.written() < requests_.size(); }
    // Writes what the socket takes. `later`: the socket is full, an event will come.
    [[nodiscard]] Io flush(Counters& counters) noexcept;
    // Reads what is there, at most once. `done` with no bytes is the end of the stream.
    [[nodiscard]] Io read(std::span<std::uint8_t> buffer, Bytes& got) noexcept;

    [[nodiscard]] std::uint32_t number() const noexcept { return number_; }
    [[nodiscard]] PendingRing& requests() noexcept { return requests_; }
    // Whether an answer can come: the oldest request is on its way and was not answered yet.
    [[nodiscard]] bool answer_due() const noexcept { return cursor_.begun() > 0 && !early_answer; }
    [[nodiscard]] bool front_written() const noexcept { return cursor_.written() > 0; }
    [[nodiscard]] std::size_t begun() const noexcept { return cursor_.begun(); }
    // Takes out the oldest request, which has been written whole.
    Pending pop_front() noexcept {
        cursor_.popped();
        return requests_.pop_front();
    }

    // Plain state, which the output keeps here.
    State state = State::closed;
    bool persistent = false;              // it has answered and stayed open
    bool was_reset = false;               // a write was told so; the reads behind it see a plain end
    bool retiring = false;                // its address is none of the output's any more: it takes no new requests
    std::size_t upstream = 0;             // which one it was made to
    std::uint64_t started_ns = 0;         // when connect() was called
    std::uint64_t deadline_ns = 0;        // connecting: to be open; open with requests: for the oldest one's answer
    std::optional<Counter> early_answer;  // the oldest request's, which came before all of it was written
    ResponseParser responses;

  private:
    void want_write(bool wanted) noexcept;

    int epoll_;
    std::uint32_t number_;
    std::uint32_t pipeline_;
    int fd_ = -1;
    bool wants_write_ = false;
    WriteCursor cursor_;
    PendingRing requests_;
};

}  // namespace rebuilder::forward
