// SPDX-License-Identifier: Apache-2.0
// HttpOutput: requests to an HTTP/1.1 server over kept-alive connections to all its addresses, in one epoll.
//
// In:    slots in wire form. At most twice what the connections can carry is held; then ready() is false,
//        the channels fill and the workers shed. The addresses, which may change at any time: a new one gets
//        connections as requests need them; those to one that is gone take no new requests, and close when
//        the last is answered.
// Out:   answered_2xx to answered_5xx by the answer's class; the answer itself is read and forgotten.
//        Else
//        - failed_timeout: the answer did not end within the timeout, counted from when the server had
//          taken the request and answered all before it on the connection; or it stopped taking the
//          request that long;
//        - failed_response: what came was not HTTP/1, or switched protocols (101);
//        - failed_reset: its connection broke when its answer was due, once more than `retries` allows;
//        - failed_connect: it waited for the timeout, and no connection was open.
//        Events: retries, responses_1xx, connects, connect_failures, sent_bytes.
// Never: blocks, allocates per request, or lets two answers change places: an answer that comes when none
//        is due ends the connection.
//
// When a connection ends, the requests on it that were not answered are sent again on another. Only the
// oldest, whose answer was due, can be to blame, so only it is charged. It is not when the server had
// answered others and closed in order before it began to answer: then the request crossed with the end of
// an idle connection. That can happen on each connection once, so it is forgiven that often. Requests
// behind an answer that closes the connection were never looked at (RFC 9112, section 9.6). What is sent
// again may be any method: the output is an analyser that acts on nothing, so the rule on idempotent
// methods (RFC 9110, section 9.2.2) would protect nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "forward/output.h"
#include "forward/pending.h"
#include "forward/resolver.h"
#include "forward/turns.h"
#include "forward/upstream_address.h"
#include "forward/upstream_connection.h"

namespace rebuilder::forward {

class HttpOutput final : public Output {
  public:
    HttpOutput(const OutputSpec& spec, const HttpOptions& options, Counters& counters, Done done,
        std::shared_ptr<Resolver> resolver);
    ~HttpOutput() override;

    HttpOutput(const HttpOutput&) = delete;
    HttpOutput& operator=(const HttpOutput&) = delete;

    [[nodiscard]] bool ready() const noexcept override { return pending_ < max_pending_; }
    void submit(const Slot& slot, std::uint32_t channel, std::uint64_t now_ns) noexcept override;
    void poll(std::uint64_t now_ns, int timeout_ms) noexcept override;
    [[nodiscard]] std::size_t pending() const noexcept override { return pending_; }
    void begin_drain() noexcept override;
    void abandon() noexcept override;
    [[nodiscard]] std::string trouble() const override;

  private:
    using State = UpstreamConnection::State;
    using Io = UpstreamConnection::Io;

    struct Upstream {
        UpstreamAddress address;
        bool listed = false;            // by the resolver
        std::uint32_t connections = 0;  // open or connecting
    };

    // Why a connection ended, which decides what becomes of the request whose answer was due.
    enum class Ending : std::uint8_t {
        orderly,    // by an answer that says so, or while nothing was due
        closed,     // the server sends no more
        broken,     // reset
        timed_out,  // the answer that was due did not come
        garbled,    // it was none
    };

    void assign() noexcept;
    UpstreamConnection* pick() noexcept;
    void got_room(UpstreamConnection& connection) noexcept;
    void open_for(std::size_t requests) noexcept;
    Upstream* next_upstream() noexcept;
    void take_addresses();
    void retire(UpstreamConnection& connection) noexcept;
    void release(UpstreamConnection& connection) noexcept;
    void connected(UpstreamConnection& connection, int error) noexcept;

    void wait(int timeout_ms) noexcept;
    void on_event(UpstreamConnection& connection, std::uint32_t events) noexcept;
    void send(UpstreamConnection& connection) noexcept;
    [[nodiscard]] bool receive(UpstreamConnection& connection) noexcept;
    void take_answers(UpstreamConnection& connection, Bytes bytes) noexcept;
    void answered(UpstreamConnection& connection) noexcept;
    void complete_front(UpstreamConnection& connection) noexcept;

    void end(UpstreamConnection& connection, Ending why) noexcept;
    void settle_front(UpstreamConnection& connection, Ending why) noexcept;
    void send_again(Pending request, bool was_begun) noexcept;
    void check_deadlines() noexcept;
    void finish(const Pending& request, Counter outcome) noexcept;

    OutputSpec spec_;
    HttpOptions options_;
    Counters& counters_;
    Done done_;
    std::shared_ptr<Resolver> resolver_;
    const std::uint32_t most_connections_;
    std::uint64_t version_ = 0;        // of the addresses that were taken from it
    std::vector<Upstream> upstreams_;  // those listed, and those that were and still have connections
    std::size_t listed_ = 0;
    std::size_t max_pending_ = 0;
    int epoll_ = -1;
    std::deque<UpstreamConnection> connections_;
    std::vector<std::uint32_t> closed_;  // of the connections
    Turns idle_;
    Turns with_room_;  // but not idle
    Turns to_send_;
    PendingRing waiting_;  // for a connection
    std::size_t pending_ = 0;
    std::size_t open_ = 0;
    std::size_t connecting_ = 0;
    std::size_t next_upstream_ = 0;
    std::uint64_t now_ns_ = 0;
    std::uint64_t next_check_ns_ = 0;
    std::uint64_t next_resolve_ns_ = 0;
    std::uint64_t moves_ = 0;  // requests finished or put back: while they grow there is more to do than to wait
    bool was_used_ = false;
    bool ever_connected_ = false;
    bool draining_ = false;
    int last_error_ = 0;  // of a connection that could not be made
    std::minstd_rand random_;
    std::unique_ptr<std::uint8_t[]> buffer_;  // for what is read, one connection at a time
};

}  // namespace rebuilder::forward
