// SPDX-License-Identifier: Apache-2.0
#include "sink.h"

#include <arpa/inet.h>
#include <csignal>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <new>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "measure.h"
#include "sink_connection.h"
#include "traffic.h"

namespace rebuilder::bench {
namespace {

constexpr std::uint64_t longest_close_ns = 10'000'000'000;

[[noreturn]] void fail(const char* call) {
    throw Error(ExitStatus::runtime, std::string("sink: ") + call + ": " + std::generic_category().message(errno));
}

int listen_here(std::uint16_t& port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0) fail("bind");
    if (::listen(fd, SOMAXCONN) != 0) fail("listen");
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) fail("getsockname");
    port = ntohs(address.sin_port);
    return fd;
}

// The loop of the process. Level-triggered, one read an event.
class Server {
  public:
    Server(int listener, Sink::Counts& counts, Arrivals* arrivals)
        : listener_(listener)
        , epoll_(::epoll_create1(0))
        , counts_(counts) {
        watch(listener_, EPOLL_CTL_ADD, EPOLLIN);
        if (arrivals == nullptr) return;
        on_request_ = [this, arrivals](std::string_view line) { arrivals->arrived(request_number(line), now_ns_); };
    }

    void serve() {
        std::array<epoll_event, 64> events;
        for (;;) {
            const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
            for (int i = 0; i < count; ++i) {
                const epoll_event& event = events[static_cast<std::size_t>(i)];
                if (event.data.fd == listener_) {
                    accept_all();
                } else if (!on_event(event.data.fd, event.events)) {
                    ::close(event.data.fd);
                    connections_[static_cast<std::size_t>(event.data.fd)].reset();
                    --counts_.connections;
                }
            }
        }
    }

  private:
    void watch(int fd, int operation, std::uint32_t events) const {
        epoll_event event{};
        event.events = events;
        event.data.fd = fd;
        (void)::epoll_ctl(epoll_, operation, fd, &event);
    }

    void accept_all() {
        for (int fd = 0; (fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
            const int on = 1;
            (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            const auto index = static_cast<std::size_t>(fd);
            if (connections_.size() <= index) connections_.resize(index + 1);
            connections_[index] = std::make_unique<SinkConnection>(on_request_);
            watch(fd, EPOLL_CTL_ADD, EPOLLIN);
            ++counts_.connections;
        }
    }

    // False when the connection is over.
    bool on_event(int fd, std::uint32_t events) {
        SinkConnection& connection = *connections_[static_cast<std::size_t>(fd)];
        if ((events & ~std::uint32_t{EPOLLOUT}) != 0) {
            const ssize_t size = ::recv(fd, buffer_.data(), buffer_.size(), 0);
            if (size < 0) return errno == EAGAIN || errno == EINTR;
            if (size == 0) return false;
            if (on_request_) now_ns_ = clock_ns();
            const auto ended = connection.feed({buffer_.data(), static_cast<std::size_t>(size)});
            if (!ended) {
                ++counts_.bad_connections;
                return false;
            }
            // One writer, so no locked addition is needed.
            const auto add = [](std::atomic<std::uint64_t>& count, std::uint64_t more) {
                count.store(count.load(std::memory_order_relaxed) + more, std::memory_order_release);
            };
            add(counts_.bytes, static_cast<std::uint64_t>(size));
            add(counts_.requests, *ended);
        }
        if (connection.output.empty()) return true;
        if (!write(fd, connection.output)) return false;
        const bool was_full = (events & EPOLLOUT) != 0;
        const bool is_full = !connection.output.empty();
        if (was_full != is_full) watch(fd, EPOLL_CTL_MOD, is_full ? EPOLLIN | EPOLLOUT : EPOLLIN);
        return true;
    }

    static bool write(int fd, std::string& output) {
        const ssize_t sent = ::send(fd, output.data(), output.size(), MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN || errno == EINTR;
        output.erase(0, static_cast<std::size_t>(sent));
        return true;
    }

    int listener_;
    int epoll_;
    Sink::Counts& counts_;
    OnRequest on_request_;
    std::uint64_t now_ns_ = 0;
    std::vector<std::unique_ptr<SinkConnection>> connections_;  // by descriptor
    std::array<char, 256u << 10> buffer_;
};

}  // namespace

Sink::Sink(std::optional<unsigned> cpu, Arrivals* arrivals) {
    void* shared = ::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) fail("mmap");
    counts_ = ::new (shared) Counts{};
    const int listener = listen_here(port_);
    const pid_t parent = ::getpid();
    process_ = ::fork();
    if (process_ < 0) fail("fork");
    if (process_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(1);  // it died before that
        if (cpu) (void)pin_to(*cpu);
        std::make_unique<Server>(listener, *counts_, arrivals)->serve();
    }
    ::close(listener);
}

Sink::~Sink() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    ::munmap(counts_, sizeof(Counts));
}

std::uint64_t Sink::settled_requests() const {
    const std::uint64_t begin_ns = clock_ns();
    while (counts_->connections.load() > 0) {
        if (clock_ns() - begin_ns > longest_close_ns) {
            throw Error(ExitStatus::runtime, "sink: connections of a run that has ended stay open");
        }
        ::usleep(1'000);
    }
    return requests();
}

}  // namespace rebuilder::bench
