// SPDX-License-Identifier: Apache-2.0
// Exchange: the requests on one connection, and what becomes of them, in the terms of one version of HTTP.
//
// In:    requests by add(), while has_room(); the bytes that the server sent by receive(), and its end; the time.
// Out:   the bytes to be sent, by gather() and advance(). Every request that was added leaves exactly once, through
//        the owner: answered() or lost(). receive(), end_of_stream() and check() say when the connection is over, and
//        why; the owner then calls end(), after which the exchange is empty and begin() starts it for the next one.
// Never: touches a socket, reads a clock, or decides what a loss means: whether it is sent again is the owner's business.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "forward/pending.h"

namespace rebuilder::forward {

class Exchange {
  public:
    // Why a connection is over.
    enum class Ending : std::uint8_t {
        none,       // it is not
        orderly,    // by an answer that says so, or while nothing was due
        closed,     // the server sends no more
        broken,     // reset
        timed_out,  // the answer that was due did not come
        garbled,    // it was none
        abandoned,  // by us
    };

    // Why a request got no answer.
    enum class Loss : std::uint8_t {
        unsent,     // nothing of it was sent
        unread,     // it was sent, and not looked at: others were due before it
        refused,    // the server says that it did not process it
        crossed,    // it may have crossed with the end of an idle connection
        broken,     // the connection, or its stream, broke when its answer was due
        timed_out,  // no answer in time
        garbled,    // what came was no answer
        unsayable,  // this version of HTTP has no form for it
        abandoned,
    };

    class Owner {
      public:
        virtual void answered(const Pending& request, int status) noexcept = 0;
        virtual void interim() noexcept = 0;
        // `begun`: some of it was sent. Within end() the newest comes first.
        virtual void lost(const Pending& request, Loss why, bool begun) noexcept = 0;

      protected:
        ~Owner() = default;
    };

    virtual ~Exchange() = default;

    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] bool has_room() const noexcept { return size_ < limit_; }
    // How many requests go best together, where none of them waits for another's answer.
    [[nodiscard]] std::size_t batch() const noexcept { return batch_; }
    // The server has shown that it speaks this version and keeps the connection.
    [[nodiscard]] bool proven() const noexcept { return proven_; }

    // A new connection. False when there is no memory for it.
    [[nodiscard]] virtual bool begin(std::uint64_t now_ns) noexcept = 0;
    virtual void add(const Pending& request, std::uint64_t now_ns) noexcept = 0;

    [[nodiscard]] virtual bool has_output() const noexcept = 0;
    // Fills `parts` with what is to be sent next; answers how many. They are good until the next call here.
    [[nodiscard]] virtual std::size_t gather(std::span<iovec> parts, std::uint64_t now_ns) noexcept = 0;
    // `bytes` of what gather() gave are sent.
    virtual void advance(std::size_t bytes, std::uint64_t now_ns) noexcept = 0;

    [[nodiscard]] virtual Ending receive(Bytes bytes, std::uint64_t now_ns) noexcept = 0;
    // The server sends no more: `orderly` when that is what ends an answer, else `closed`.
    [[nodiscard]] virtual Ending end_of_stream() noexcept = 0;
    // What has run out of time; or that nothing comes any more.
    [[nodiscard]] virtual Ending check(std::uint64_t now_ns) noexcept = 0;

    // The connection is over.
    virtual void end(Ending why) noexcept = 0;

  protected:
    Exchange(Owner& owner, std::size_t batch) noexcept : owner_(owner), batch_(batch) {}

    Owner& owner_;
    const std::size_t batch_;
    std::size_t size_ = 0;   // requests added, and neither answered nor lost
    std::size_t limit_ = 0;  // of them
    bool proven_ = false;
};

}  // namespace rebuilder::forward
