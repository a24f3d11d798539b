// SPDX-License-Identifier: Apache-2.0
#include "forward/upstream_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

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

UpstreamConnection::UpstreamConnection(int epoll, std::uint32_t number, std::uint32_t pipeline)
    : epoll_(epoll)
    , number_(number)
    , pipeline_(pipeline)
    , requests_(pipeline) {}

int UpstreamConnection::connect(const SocketAddress& to, std::size_t upstream_index, std::uint64_t now_ns) noexcept {
    upstream = upstream_index;
    started_ns = now_ns;
    fd_ = ::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return errno;
    turn_on(fd_, IPPROTO_TCP, TCP_NODELAY);  // requests are written whole: there is nothing to wait for
    turn_on(fd_, SOL_SOCKET, SO_KEEPALIVE);  // an idle connection whose peer vanished is found out
    epoll_event event{};
    event.events = EPOLLOUT;
    event.data.u32 = number_;
    int error = 0;
    if ((::connect(fd_, to.get(), to.size) != 0 && errno != EINPROGRESS) ||
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_, &event) != 0) {
        error = errno;
        close();
        return error;
    }
    state = State::connecting;
    return 0;
}

int UpstreamConnection::finish_connect() noexcept {
    int error = 0;
    socklen_t size = sizeof(error);
    if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) {
        close();
        return error;
    }
    state = State::open;
    wants_write_ = true;  // it was, for connect()
    want_write(false);
    return 0;
}

void UpstreamConnection::close() noexcept {
    if (fd_ >= 0) ::close(fd_);  // which also takes it out of the epoll
    fd_ = -1;
    state = State::closed;
    persistent = false;
    was_reset = false;
    retiring = false;
    early_answer.reset();
    responses.reset();
    cursor_.reset();
}

UpstreamConnection::Io UpstreamConnection::flush(Counters& counters) noexcept {
    std::array<iovec, max_parts> parts;  // written by gather() as far as it is used
    for (;;) {
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = cursor_.gather(requests_, parts);
        if (message.msg_iovlen == 0) {
            want_write(false);
            return Io::done;
        }
        const ssize_t sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR) continue;
            if (errno == ECONNRESET) was_reset = true;
            if (errno != EAGAIN) return Io::broken;
            want_write(true);
            return Io::later;
        }
        counters.add(Counter::sent_bytes, static_cast<std::uint64_t>(sent));
        cursor_.advance(requests_, static_cast<std::size_t>(sent));
    }
}

UpstreamConnection::Io UpstreamConnection::read(std::span<std::uint8_t> buffer, Bytes& got) noexcept {
    const ssize_t size = ::recv(fd_, buffer.data(), buffer.size(), 0);
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
    (void)::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd_, &event);  // can't fail for a descriptor that was added
}

}  // namespace rebuilder::forward
