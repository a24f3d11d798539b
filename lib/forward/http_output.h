// SPDX-License-Identifier: Apache-2.0
// HttpOutput: requests to an HTTP server over kept-alive connections to all its addresses, in one epoll.
//
// In:    slots in wire form. At most twice what the connections can carry is held; then ready() is false,
//        the channels fill and the workers shed. The addresses, which may change at any time: a new one gets
//        connections as requests need them; those to one that is gone take no new requests, and close when
//        the last is answered.
// Out:   answered_2xx to answered_5xx by the answer's class; the answer itself is read and forgotten.
//        Else
//        - failed_timeout: the answer did not end within the timeout, counted from when the server had
//          taken the request and answered all before it on the connection; or it stopped taking the
//          request that long; or others kept all connections that long;
//        - failed_response: what came was not HTTP, or switched protocols (101);
//        - failed_unsayable: HTTP/2 has no form for it;
//        - failed_reset: its connection broke when its answer was due, once more than `retries` allows;
//        - failed_connect: it waited for the timeout, and no connection could be made.
//        Events: retries, responses_1xx, connects, connect_failures, tls_failures, tls_resumed, sent_bytes.
// Never: blocks. For HTTP/1 without TLS it allocates nothing after construction; OpenSSL does for each connection, and
//        nghttp2 for each request, within bounds.
//
// With --http2 the server is spoken to in HTTP/2: by ALPN when there is TLS, else with prior knowledge (RFC 9113,
// section 3). What a loss on a connection says of the requests on it is the exchange's to know; what follows is decided
// here. A request whose answer was due when its connection broke is charged, and sent again until it was charged more
// than `retries` times. One that crossed with the end of an idle connection is forgiven as often as there are
// connections, one that was refused unread a hundred times; all others are sent again for free. Those charged or crossed
// are suspects: each gets a new connection to itself, so that one that breaks connections hits no other twice. What is sent
// again may be any method: the output is an analyser that acts on nothing, so the rule on idempotent methods (RFC 9110,
// section 9.2.2) would protect nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/descriptor.h"
#include "forward/output.h"
#include "forward/pending.h"
#include "forward/resolver.h"
#include "forward/turns.h"
#include "forward/upstream_address.h"
#include "forward/upstream_connection.h"

namespace rebuilder::forward {

class HttpOutput final : public Output, private Exchange::Owner {
  public:
    HttpOutput(const OutputSpec& spec, const HttpOptions& options, Counters& counters, Done done,
        std::shared_ptr<Resolver> resolver);
    ~HttpOutput() override;

    [[nodiscard]] static std::size_t most_connections(const OutputSpec& spec, const HttpOptions& options);
    [[nodiscard]] static std::size_t most_bytes(const OutputSpec& spec, const HttpOptions& options);

    HttpOutput(const HttpOutput&) = delete;
    HttpOutput& operator=(const HttpOutput&) = delete;

    [[nodiscard]] bool ready() const noexcept override { return pending_ < max_pending_; }
    void submit(const Slot& slot, std::uint32_t channel, std::uint64_t now_ns) noexcept override;
    void poll(std::uint64_t now_ns, std::uint64_t timeout_ns) noexcept override;
    [[nodiscard]] std::size_t pending() const noexcept override { return pending_; }
    void begin_drain() noexcept override;
    void abandon() noexcept override;
    [[nodiscard]] std::string trouble() const override;
    [[nodiscard]] std::size_t connections() const noexcept override {
        return connections_now_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] const Latency* latency() const noexcept override { return &latency_; }
    [[nodiscard]] std::string trouble_now() const override;

  private:
    using State = UpstreamConnection::State;
    using Io = UpstreamConnection::Io;
    using Ending = Exchange::Ending;
    using Loss = Exchange::Loss;

    struct Upstream {
        UpstreamAddress address;
        bool listed = false;            // by the resolver
        std::uint32_t connections = 0;  // open or connecting
    };

    void assign() noexcept;
    UpstreamConnection* pick() noexcept;
    UpstreamConnection* pick_fresh() noexcept;
    void got_room(UpstreamConnection& connection) noexcept;
    void open_for(std::size_t requests) noexcept;
    [[nodiscard]] bool is_open_to(const Upstream& upstream) const noexcept;
    [[nodiscard]] bool can_open() const noexcept;
    Upstream* next_upstream() noexcept;
    void take_addresses();
    void retire(UpstreamConnection& connection) noexcept;
    void release(UpstreamConnection& connection) noexcept;
    void connected(UpstreamConnection& connection) noexcept;
    void not_connected(UpstreamConnection& connection, int error, const char* trouble = nullptr) noexcept;

    void wait(std::uint64_t timeout_ns) noexcept;
    void on_event(UpstreamConnection& connection, std::uint32_t events) noexcept;
    void send(UpstreamConnection& connection) noexcept;
    void send_all() noexcept;
    void receive_all(UpstreamConnection& connection) noexcept;
    [[nodiscard]] bool receive(UpstreamConnection& connection) noexcept;
    void progressed(UpstreamConnection& connection) noexcept;
    void end(UpstreamConnection& connection, Ending why) noexcept;

    void answered(const Pending& request, int status) noexcept override;
    void interim() noexcept override;
    void lost(const Pending& request, Loss why, bool begun) noexcept override;
    void send_again(Pending request, bool begun) noexcept;
    void check_deadlines() noexcept;
    void finish(const Pending& request, Counter outcome) noexcept;

    OutputSpec spec_;
    HttpOptions options_;
    Counters& counters_;
    Done done_;
    std::shared_ptr<Resolver> resolver_;
    std::unique_ptr<TlsContext> tls_;  // for https
    const std::uint32_t most_connections_;
    std::uint64_t version_ = 0;        // of the addresses that were taken from it
    std::vector<Upstream> upstreams_;  // those listed, and those that were and still have connections
    std::size_t listed_ = 0;
    std::size_t max_pending_ = 0;
    Descriptor epoll_;
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
    int last_error_ = 0;                            // of a connection that could not be made
    const char* last_trouble_ = nullptr;            // the same, where there are words for it
    Latency latency_;                               // forwarder: w, any: r; so are the next three
    std::atomic<std::size_t> connections_now_{0};   // open_
    std::atomic<int> error_now_{0};                 // last_error_, until a connection is made
    std::atomic<const char*> reason_now_{nullptr};  // last_trouble_
    std::minstd_rand random_;
    std::unique_ptr<std::uint8_t[]> buffer_;  // for what is read, one connection at a time
};

}  // namespace rebuilder::forward
