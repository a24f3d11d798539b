// SPDX-License-Identifier: Apache-2.0
#include "forward/upstream_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace rebuilder::forward {
namespace {

// Enough for a 256 KiB body in 4 KiB blocks; what is longer takes another round.
constexpr std::size_t max_parts = 64;

void turn_on(int fd, int level, int option) noexcept {
    const int on = 1;
    (void)::setsockopt(fd, level, option, &on, sizeof(on));  // without it, it works all the same
}

}  // namespace

UpstreamConnection::UpstreamConnection(
    int epoll, std::uint32_t number, const HttpOptions& options, TlsContext* tls, Exchange::Owner& owner)
    : epoll_(epoll)
    , number_(number)
    , http2_wanted_(options.http2)
    , tls_context_(tls)
    , http1_(owner, options.pipeline, options.timeout_ns)
    , exchange_(&http1_) {
    if (options.http2) http2_ = std::make_unique<Http2Exchange>(owner, tls != nullptr, options.timeout_ns);
}

// ---- to be open ----

int UpstreamConnection::connect(const SocketAddress& to, std::size_t upstream_index, std::uint64_t now_ns) noexcept {
    upstream = upstream_index;
    started_ns = now_ns;
    socket_ = Descriptor(::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_) return errno;
    turn_on(socket_.get(), IPPROTO_TCP, TCP_NODELAY);  // requests are written whole: there is nothing to wait for
    turn_on(socket_.get(), SOL_SOCKET, SO_KEEPALIVE);  // an idle connection whose peer vanished is found out
    // What waits in the kernel looks as if it were sent, and the time for its answer would run.
    const int most_unsent = 128 << 10;
    (void)::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most_unsent, sizeof(most_unsent));
    epoll_event event{};
    event.events = EPOLLOUT;
    event.data.u32 = number_;
    wants_write_ = true;
    if ((::connect(socket_.get(), to.get(), to.size) != 0 && errno != EINPROGRESS) ||
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket_.get(), &event) != 0) {
        const int error = errno;
        close();
        return error;
    }
    state = State::connecting;
    return 0;
}

UpstreamConnection::Io UpstreamConnection::proceed(Counters& counters, std::uint64_t now_ns) noexcept {
    if (!tls_.active()) {  // TCP first
        int error = 0;
        socklen_t size = sizeof(error);
        if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
        if (error != 0) return fail(error);
        if (tls_context_ == nullptr) return open(http2_wanted_, now_ns);
        if (!tls_.begin(*tls_context_, socket_.get())) return fail(ENOMEM);
    }
    switch (tls_.handshake()) {
    case TlsStream::Io::done: break;
    case TlsStream::Io::wants_read: want_write(false); return Io::later;
    case TlsStream::Io::wants_write: want_write(true); return Io::later;
    case TlsStream::Io::closed:
    case TlsStream::Io::broken: counters.add(Counter::tls_failures); return fail(EPROTO, tls_.trouble());
    }
    if (tls_.resumed()) counters.add(Counter::tls_resumed);
    return open(http2_wanted_ && tls_.chose_http2(), now_ns);
}

UpstreamConnection::Io UpstreamConnection::open(bool http2, std::uint64_t now_ns) noexcept {
    exchange_ = &http1_;
    if (http2) exchange_ = http2_.get();
    if (!exchange_->begin(now_ns)) return fail(ENOMEM);
    state = State::open;
    want_write(false);
    return Io::done;
}

UpstreamConnection::Io UpstreamConnection::fail(int error, const char* trouble) noexcept {
    error_ = error;
    trouble_ = trouble;
    close();
    return Io::broken;
}

void UpstreamConnection::close(Exchange::Ending why) noexcept {
    if (state == State::open) exchange_->end(why);
    tls_.close();
    socket_.reset();  // which also takes it out of the epoll
    state = State::closed;
    was_reset = false;
    retiring = reserved = false;
}

// ---- open ----

UpstreamConnection::Io UpstreamConnection::flush(Counters& counters, std::uint64_t now_ns) noexcept {
    std::array<iovec, max_parts> parts;  // written by gather() as far as it is used
    for (;;) {
        const std::size_t count = exchange_->gather(parts, now_ns);
        if (count == 0) {
            want_write(false);
            return Io::done;
        }
        std::size_t taken = 0;
        const Io result = write(std::span(parts).first(count), taken);
        if (result != Io::done) return result;
        counters.add(Counter::sent_bytes, taken);
        exchange_->advance(taken, now_ns);
    }
}

UpstreamConnection::Io UpstreamConnection::write(std::span<const iovec> parts, std::size_t& taken) noexcept {
    if (tls_.active()) {
        switch (tls_.write(parts, taken)) {
        case TlsStream::Io::done: return Io::done;
        case TlsStream::Io::wants_read: return Io::later;  // what is read next makes it go on
        case TlsStream::Io::wants_write: want_write(true); return Io::later;
        default: return Io::broken;
        }
    }
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts.data());  // which sendmsg() only reads
    message.msg_iovlen = parts.size();
    ssize_t sent = 0;
    do {
        sent = parts.size() == 1 ? ::send(socket_.get(), parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL)
                                 : ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        if (errno == ECONNRESET) was_reset = true;
        if (errno != EAGAIN) return Io::broken;
        want_write(true);
        return Io::later;
    }
    taken = static_cast<std::size_t>(sent);
    return Io::done;
}

UpstreamConnection::Io UpstreamConnection::read(std::span<std::uint8_t> buffer, Bytes& got) noexcept {
    got = {};
    if (tls_.active()) {
        std::size_t size = 0;
        switch (tls_.read(buffer, size)) {
        case TlsStream::Io::done: got = buffer.first(size); return Io::done;
        case TlsStream::Io::closed: return Io::done;
        case TlsStream::Io::wants_read: return Io::later;
        case TlsStream::Io::wants_write: want_write(true); return Io::later;
        case TlsStream::Io::broken: break;
        }
        return Io::broken;
    }
    const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (size >= 0) {
        got = buffer.first(static_cast<std::size_t>(size));
        return Io::done;
    }
    return errno == EAGAIN || errno == EINTR ? Io::later : Io::broken;
}

void UpstreamConnection::want_write(bool wanted) noexcept {
    if (wanted == wants_write_) return;
    wants_write_ = wanted;
    epoll_event event{};
    event.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.u32 = number_;
    (void)::epoll_ctl(epoll_, EPOLL_CTL_MOD, socket_.get(), &event);  // can't fail for a descriptor that was added
}

}  // namespace rebuilder::forward
