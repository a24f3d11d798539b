// SPDX-License-Identifier: Apache-2.0
// TlsContext, TlsStream: the client's side of TLS 1.2 and 1.3 (RFC 8446) on sockets that don't block.
//
// TlsContext  what the connections of one output share: whom to trust, which name the server has to show, which
//             protocols to offer, and the last session, by which the next connection is resumed (section 2.2).
// TlsStream   one connection. The socket is the caller's and outlives the stream.
//
// In:    pieces of plaintext to be sent, of which one record is made, so many requests go in one write.
// Out:   plaintext; or which readiness of the socket is awaited.
// Never: blocks, raises SIGPIPE, verifies less than asked for, renegotiates. OpenSSL allocates, for each connection
//        at most `most_bytes` or so. A context and its streams belong to one thread.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;

namespace rebuilder::forward {

struct TlsOptions {
    std::string ca;         // a file of certificates to trust, or a folder by hash; empty: the system's
    bool insecure = false;  // any certificate is as good as another
};

class TlsContext {
  public:
    // `host`: what the certificate has to be for, a name (which is told to the server, RFC 6066, section 3) or an
    // address. Throws Error (runtime) that names `output` and the file that can't be used.
    TlsContext(const std::string& output, const std::string& host, const TlsOptions& options, bool offer_http2);
    ~TlsContext();

    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

  private:
    friend class TlsStream;

    void keep(ssl_session_st* session) noexcept;

    std::string host_;
    bool host_is_address_;
    ssl_ctx_st* context_;
    ssl_session_st* session_ = nullptr;
};

class TlsStream {
  public:
    enum class Io : std::uint8_t {
        done,
        wants_read,   // go on when the socket is readable
        wants_write,  // when it is writable
        closed,       // the peer sends no more
        broken,
    };

    static constexpr std::size_t most_bytes = 80u << 10;  // 37 KB, measured with OpenSSL 3.0, and a record each way

    TlsStream() noexcept = default;
    ~TlsStream() { close(); }

    TlsStream(const TlsStream&) = delete;
    TlsStream& operator=(const TlsStream&) = delete;

    // For a connected socket. False when there is no memory.
    [[nodiscard]] bool begin(TlsContext& context, int fd) noexcept;
    [[nodiscard]] bool active() const noexcept { return stream_ != nullptr; }

    // `done`: the server is who it has to be.
    [[nodiscard]] Io handshake() noexcept;
    [[nodiscard]] bool resumed() const noexcept;
    [[nodiscard]] bool chose_http2() const noexcept;
    // Why the handshake failed: a text that lives as long as the program.
    [[nodiscard]] const char* trouble() const noexcept;

    // Sends the front of `parts`. What was given to a write that has to wait is given again in front of the next one.
    [[nodiscard]] Io write(std::span<const iovec> parts, std::size_t& taken) noexcept;
    // At most one record.
    [[nodiscard]] Io read(std::span<std::uint8_t> buffer, std::size_t& got) noexcept;
    // Bytes wait here, of which the socket knows nothing: read() again.
    [[nodiscard]] bool buffered() const noexcept;

    // Says good-bye if the socket takes it, and forgets the connection.
    void close() noexcept;

  private:
    friend class TlsContext;
    struct Socket;

    [[nodiscard]] Io why(int result) noexcept;

    ssl_st* stream_ = nullptr;
    int fd_ = -1;
    bool peer_closed_ = false;
};

}  // namespace rebuilder::forward
