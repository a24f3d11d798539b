// SPDX-License-Identifier: Apache-2.0
#include "forward/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "forward/resolver.h"

namespace rebuilder::forward {
namespace {

constexpr std::size_t record_bytes = 16u << 10;  // the most plaintext of a record (RFC 8446, section 5.1)

[[noreturn]] void refuse(const std::string& output, const std::string& why) {
    throw Error(ExitStatus::runtime, "output " + output + ": " + why);
}

// SSL_set_tlsext_host_name() is a macro with a cast of C's.
bool set_server_name(ssl_st* stream, const char* host) noexcept {
    return SSL_ctrl(stream, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(host)) == 1;
}

void trust(ssl_ctx_st* context, const std::string& output, const std::string& ca) {
    if (ca.empty()) {
        if (SSL_CTX_set_default_verify_paths(context) != 1)
            refuse(output, "the system's CA certificates can't be read");
        return;
    }
    struct stat status {};
    if (::stat(ca.c_str(), &status) != 0) refuse(output, "--tls-ca " + ca + ": " + std::strerror(errno));
    const bool folder = S_ISDIR(status.st_mode);
    if (SSL_CTX_load_verify_locations(context, folder ? nullptr : ca.c_str(), folder ? ca.c_str() : nullptr) != 1) {
        refuse(output, "--tls-ca " + ca + ": it has no certificate in PEM form");
    }
}

}  // namespace

// ---- the socket, as OpenSSL sees it ---------------------------------------------------------------------------

// OpenSSL's own BIO for sockets would raise SIGPIPE.
struct TlsStream::Socket {
    static TlsStream& self(BIO* bio) noexcept { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

    static int write(BIO* bio, const char* data, int size) noexcept {
        BIO_clear_retry_flags(bio);
        const ssize_t sent = ::send(self(bio).fd_, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
        return static_cast<int>(sent);
    }
    static int read(BIO* bio, char* data, int size) noexcept {
        BIO_clear_retry_flags(bio);
        const ssize_t got = ::recv(self(bio).fd_, data, static_cast<std::size_t>(size), 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
        if (got == 0) self(bio).peer_closed_ = true;
        return static_cast<int>(got);
    }
    static long control(BIO*, int command, long, void*) noexcept { return command == BIO_CTRL_FLUSH ? 1 : 0; }

    static const BIO_METHOD* method() noexcept {
        static const BIO_METHOD* const made = [] {
            BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
            if (method == nullptr) return method;
            BIO_meth_set_write(method, write);
            BIO_meth_set_read(method, read);
            BIO_meth_set_ctrl(method, control);
            return method;
        }();
        return made;
    }
};

// ---- TlsContext -----------------------------------------------------------------------------------------------

TlsContext::TlsContext(const std::string& output, const std::string& host, const TlsOptions& options, bool offer_http2)
    : host_(host)
    , host_is_address_(Resolver::is_address(host))
    , context_(SSL_CTX_new(TLS_client_method())) {
    if (context_ == nullptr || TlsStream::Socket::method() == nullptr) refuse(output, "TLS can't be started");
    try {
        if (options.insecure) {
            SSL_CTX_set_verify(context_, SSL_VERIFY_NONE, nullptr);
        } else {
            SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
            trust(context_, output, options.ca);
        }
    } catch (...) {
        SSL_CTX_free(context_);
        throw;
    }
    SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
    SSL_CTX_set_options(context_, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(
        context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context_, 1);  // whole records at a time, not their headers first
    constexpr std::string_view protocols("\x02h2\x08http/1.1");
    const std::string_view offered = protocols.substr(offer_http2 ? 0 : 3);
    SSL_CTX_set_alpn_protos(
        context_, reinterpret_cast<const unsigned char*>(offered.data()), static_cast<unsigned>(offered.size()));
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_app_data(context_, this);
    SSL_CTX_sess_set_new_cb(context_, [](ssl_st* stream, ssl_session_st* session) {
        static_cast<TlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(stream)))->keep(session);
        return 1;  // it is ours now
    });
}

TlsContext::~TlsContext() {
    SSL_SESSION_free(session_);
    SSL_CTX_free(context_);
}

void TlsContext::keep(ssl_session_st* session) noexcept {
    SSL_SESSION_free(session_);
    session_ = session;
}

// ---- TlsStream ------------------------------------------------------------------------------------------------

bool TlsStream::begin(TlsContext& context, int fd) noexcept {
    fd_ = fd;
    peer_closed_ = false;
    ERR_clear_error();
    stream_ = SSL_new(context.context_);
    BIO* socket = BIO_new(Socket::method());
    if (stream_ == nullptr || socket == nullptr) {
        BIO_free(socket);
        SSL_free(stream_);
        stream_ = nullptr;
        return false;
    }
    BIO_set_data(socket, this);
    BIO_set_init(socket, 1);
    SSL_set_bio(stream_, socket, socket);
    const char* host = context.host_.c_str();
    bool named = true;
    if (context.host_is_address_) {
        named = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(stream_), host) == 1;
    } else {
        SSL_set_hostflags(stream_, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        named = SSL_set1_host(stream_, host) == 1 && set_server_name(stream_, host);
    }
    if (!named) {
        close();
        return false;
    }
    if (context.session_ != nullptr) (void)SSL_set_session(stream_, context.session_);
    SSL_set_connect_state(stream_);
    return true;
}

TlsStream::Io TlsStream::why(int result) noexcept {
    switch (SSL_get_error(stream_, result)) {
    case SSL_ERROR_WANT_READ: return Io::wants_read;
    case SSL_ERROR_WANT_WRITE: return Io::wants_write;
    case SSL_ERROR_ZERO_RETURN: return Io::closed;
    default: return peer_closed_ ? Io::closed : Io::broken;
    }
}

TlsStream::Io TlsStream::handshake() noexcept {
    ERR_clear_error();
    const int result = SSL_do_handshake(stream_);
    return result == 1 ? Io::done : why(result);
}

bool TlsStream::resumed() const noexcept {
    return SSL_session_reused(stream_) == 1;
}

bool TlsStream::chose_http2() const noexcept {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(stream_, &name, &size);
    return size == 2 && std::memcmp(name, "h2", 2) == 0;
}

const char* TlsStream::trouble() const noexcept {
    if (const long verdict = SSL_get_verify_result(stream_); verdict != X509_V_OK) {
        return X509_verify_cert_error_string(verdict);
    }
    if (const char* reason = ERR_reason_error_string(ERR_peek_last_error()); reason != nullptr) return reason;
    return "the server closed the connection during the TLS handshake";
}

TlsStream::Io TlsStream::write(std::span<const iovec> parts, std::size_t& taken) noexcept {
    std::array<std::uint8_t, record_bytes> record;  // written below as far as it is used
    std::size_t size = 0;
    for (const iovec& part : parts) {
        const std::size_t piece = std::min(part.iov_len, record.size() - size);
        std::memcpy(record.data() + size, part.iov_base, piece);
        size += piece;
        if (size == record.size()) break;
    }
    ERR_clear_error();
    const int result = SSL_write_ex(stream_, record.data(), size, &taken);
    return result == 1 ? Io::done : why(result);
}

TlsStream::Io TlsStream::read(std::span<std::uint8_t> buffer, std::size_t& got) noexcept {
    ERR_clear_error();
    const int result = SSL_read_ex(stream_, buffer.data(), buffer.size(), &got);
    return result == 1 ? Io::done : why(result);
}

bool TlsStream::buffered() const noexcept {
    return stream_ != nullptr && SSL_has_pending(stream_) == 1;
}

void TlsStream::close() noexcept {
    if (stream_ == nullptr) return;
    // Without it, OpenSSL would take the session for one that was cut off, and not resume it.
    if (SSL_is_init_finished(stream_) == 1) (void)SSL_shutdown(stream_);
    SSL_free(stream_);
    stream_ = nullptr;
    ERR_clear_error();
}

}  // namespace rebuilder::forward
