// SPDX-License-Identifier: Apache-2.0
// TlsServer, TlsPeer: TLS on the connections of a LoopbackServer.
//
//   TlsServer tls(identity, {.protocols = {"http/1.1"}});
//   LoopbackServer server([&](Peer& peer, int) {
//       TlsPeer stream(tls, peer);
//       while (stream.read_request()) stream.send(answer);
//   });
#pragma once

#include <openssl/ssl.h>
#include <signal.h>

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/certificates.h"
#include "support/loopback_server.h"

namespace rebuilder::test {

class TlsServer {
  public:
    struct Options {
        std::vector<std::string> protocols{};  // of ALPN, best first; none: it has no ALPN
        int most_version = TLS1_3_VERSION;
    };

    TlsServer(const Identity& identity, const Options& options)
        : options_(options)
        , context_(SSL_CTX_new(TLS_server_method())) {
        SSL_CTX_use_certificate(context_, identity.certificate.get());
        SSL_CTX_use_PrivateKey(context_, identity.key.get());
        SSL_CTX_set_max_proto_version(context_, options.most_version);
        SSL_CTX_set_min_proto_version(context_, options.most_version < TLS1_2_VERSION ? TLS1_VERSION : TLS1_2_VERSION);
        if (options.most_version < TLS1_2_VERSION) SSL_CTX_set_security_level(context_, 0);
        SSL_CTX_set_alpn_select_cb(context_, choose, this);
    }
    TlsServer(const TlsServer&) = delete;
    TlsServer& operator=(const TlsServer&) = delete;
    ~TlsServer() { SSL_CTX_free(context_); }

    std::atomic<int> handshakes{0};  // that succeeded
    std::atomic<int> resumed{0};     // of these

  private:
    friend class TlsPeer;

    static int choose(ssl_st*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
        unsigned offered_size, void* user) {
        for (const std::string& each : static_cast<TlsServer*>(user)->options_.protocols) {
            for (unsigned at = 0; at < offered_size; at += offered[at] + 1u) {
                const std::string_view name(reinterpret_cast<const char*>(offered + at + 1), offered[at]);
                if (name != each) continue;
                *chosen = offered + at + 1;
                *size = offered[at];
                return SSL_TLSEXT_ERR_OK;
            }
        }
        return SSL_TLSEXT_ERR_NOACK;
    }

    Options options_;
    ssl_ctx_st* context_;
};

class TlsPeer {
  public:
    TlsPeer(TlsServer& server, Peer& peer) : stream_(SSL_new(server.context_)) {
        // OpenSSL writes without MSG_NOSIGNAL. Only this thread may: the side that is tested must not.
        sigset_t pipe;
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
        SSL_set_fd(stream_, peer.fd());
        open_ = SSL_accept(stream_) == 1;
        if (!open_) return;
        ++server.handshakes;
        server.resumed += SSL_session_reused(stream_);
    }
    TlsPeer(const TlsPeer&) = delete;
    TlsPeer& operator=(const TlsPeer&) = delete;
    ~TlsPeer() {
        if (open_) SSL_shutdown(stream_);
        SSL_free(stream_);
    }

    // What SNI said; empty when it said nothing.
    [[nodiscard]] std::string server_name() const {
        const char* name = SSL_get_servername(stream_, TLSEXT_NAMETYPE_host_name);
        return name != nullptr ? name : "";
    }

    // Bytes as they come; empty at the end.
    std::string read() {
        std::string part(65536, '\0');
        const int got = open_ ? SSL_read(stream_, part.data(), static_cast<int>(part.size())) : 0;
        part.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return part;
    }
    // The next request, head and Content-Length body; nothing at the end of the connection.
    std::optional<std::string> read_request() {
        for (;;) {
            const std::size_t head = seen_.find("\r\n\r\n");
            if (head != std::string::npos) {
                std::size_t size = head + 4;
                const std::size_t field = seen_.find("Content-Length: ");
                if (field < head) size += std::strtoul(seen_.c_str() + field + 16, nullptr, 10);
                if (seen_.size() >= size) {
                    std::string request = seen_.substr(0, size);
                    seen_.erase(0, size);
                    return request;
                }
            }
            const std::string part = read();
            if (part.empty()) return std::nullopt;
            seen_ += part;
        }
    }
    void send(std::string_view text) {
        if (open_ && !text.empty()) (void)SSL_write(stream_, text.data(), static_cast<int>(text.size()));
    }

  private:
    ssl_st* stream_;
    bool open_ = false;
    std::string seen_;
};

}  // namespace rebuilder::test
