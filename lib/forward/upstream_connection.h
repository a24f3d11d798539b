// SPDX-License-Identifier: Apache-2.0
// UpstreamConnection: one connection to an HTTP output: a TCP socket, with TLS on it or not, and the Exchange of the
// requests that are on it.
//
//            connect()              proceed()                 close()
//   closed -------------> connecting ----------> open ----------------> closed
//
// In:    readiness events of the output's epoll. Many requests are written with one call, and resumed where the kernel
//        stopped taking them.
// Out:   what happened, as return values; answers and losses go from the exchange to its owner. Counters: sent_bytes,
//        tls_resumed.
// Never: blocks, raises SIGPIPE. For HTTP/1 without TLS it allocates nothing after construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/counters.h"
#include "base/descriptor.h"
#include "forward/exchange.h"
#include "forward/http1_exchange.h"
#include "forward/http2_exchange.h"
#include "forward/output.h"
#include "forward/socket_address.h"
#include "forward/tls.h"

namespace rebuilder::forward {

class UpstreamConnection {
  public:
    enum class State : std::uint8_t { closed, connecting, open };
    enum class Io : std::uint8_t { done, later, broken };

    // `number` comes back in the epoll events. `tls` is null for an output without it.
    UpstreamConnection(
        int epoll, std::uint32_t number, const HttpOptions& options, TlsContext* tls, Exchange::Owner& owner);
    ~UpstreamConnection() { close(); }

    UpstreamConnection(const UpstreamConnection&) = delete;
    UpstreamConnection& operator=(const UpstreamConnection&) = delete;

    // Begins to connect to an address, of the upstream `upstream_index`, which is only kept. 0, or an errno.
    [[nodiscard]] int connect(const SocketAddress& to, std::size_t upstream_index, std::uint64_t now_ns) noexcept;
    // Goes on with that when the socket is ready. `done`: it is open. `broken`: trouble() says why, and it is closed.
    [[nodiscard]] Io proceed(Counters& counters, std::uint64_t now_ns) noexcept;
    // Why the last attempt to connect failed: a text that lives as long as the program, or null, and error() is an errno.
    [[nodiscard]] const char* trouble() const noexcept { return trouble_; }
    [[nodiscard]] int error() const noexcept { return error_; }
    // Ends the exchange, and so takes every request from it, then closes the socket.
    void close(Exchange::Ending why = Exchange::Ending::abandoned) noexcept;

    [[nodiscard]] bool has_room() const noexcept {
        return state == State::open && !retiring && !reserved && exchange_->has_room();
    }
    // Of an open connection.
    [[nodiscard]] Exchange& exchange() noexcept { return *exchange_; }

    // Whether flush() has something to do that no event is awaited for.
    [[nodiscard]] bool unsent() const noexcept { return !wants_write_ && exchange_->has_output(); }
    // Writes what the socket takes. `later`: the socket is full, an event will come.
    [[nodiscard]] Io flush(Counters& counters, std::uint64_t now_ns) noexcept;
    // Reads what is there, at most once. `done` with no bytes is the end of the stream.
    [[nodiscard]] Io read(std::span<std::uint8_t> buffer, Bytes& got) noexcept;
    // There is more to be read, of which no event will tell.
    [[nodiscard]] bool buffered() const noexcept { return tls_.buffered(); }

    [[nodiscard]] std::uint32_t number() const noexcept { return number_; }

    // Plain state, which the output keeps here.
    State state = State::closed;
    bool was_reset = false;         // a write was told so; the reads behind it see a plain end
    bool retiring = false;          // its address is none of the output's any more: it takes no new requests
    bool reserved = false;          // for the request that is on it alone
    std::size_t upstream = 0;       // which one it was made to
    std::uint64_t started_ns = 0;   // when connect() was called
    std::uint64_t deadline_ns = 0;  // to be open

  private:
    [[nodiscard]] Io fail(int error, const char* trouble = nullptr) noexcept;
    [[nodiscard]] Io open(bool http2, std::uint64_t now_ns) noexcept;
    [[nodiscard]] Io write(std::span<const iovec> parts, std::size_t& taken) noexcept;
    void want_write(bool wanted) noexcept;

    int epoll_;
    std::uint32_t number_;
    bool http2_wanted_;
    TlsContext* tls_context_;
    Descriptor socket_;
    int error_ = 0;
    const char* trouble_ = nullptr;
    bool wants_write_ = false;
    TlsStream tls_;
    Http1Exchange http1_;
    std::unique_ptr<Http2Exchange> http2_;  // none unless --http2
    Exchange* exchange_;                    // the one in use
};

}  // namespace rebuilder::forward
