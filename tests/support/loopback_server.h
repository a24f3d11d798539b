// SPDX-License-Identifier: Apache-2.0
// LoopbackServer: a real TCP server on the loopback that behaves as a test's script says.
//
// The script runs once for each connection, on a thread of its own, with a Peer to read requests from and
// to answer on, and the number of the connection (0, 1, ...). When it returns the connection is closed.
// The destructor cuts what is still open, so a script that waits for a request that never comes ends with
// its test.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace rebuilder::test {

// An address on 127.0.0.`host`; port 0 lets the kernel choose.
inline sockaddr_in loopback_address(std::uint16_t port, std::uint8_t host = 1) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host);
    address.sin_port = htons(port);
    return address;
}

// A bound socket: connecting to it is refused until somebody listens, and nobody else gets its port.
inline int bound_socket(std::uint16_t port = 0, std::uint8_t host = 1) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    const sockaddr_in address = loopback_address(port, host);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        throw std::runtime_error("cannot bind to the loopback");
    }
    return fd;
}

inline std::uint16_t port_of(int fd) {
    sockaddr_in address{};
    socklen_t size = sizeof(address);
    (void)::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
}

class Peer {
  public:
    explicit Peer(int fd) : fd_(fd) {
        const int on = 1;
        (void)::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    ~Peer() { close(); }

    // The next request, head and Content-Length body; nothing at the end of the connection.
    std::optional<std::string> read_request() {
        std::size_t head_end = 0;
        while ((head_end = seen_.find("\r\n\r\n")) == std::string::npos) {
            if (!read_more(65536)) return std::nullopt;
        }
        std::size_t size = head_end + 4;
        const std::size_t field = seen_.find("Content-Length: ");
        if (field < head_end) size += std::strtoul(seen_.c_str() + field + 16, nullptr, 10);
        while (seen_.size() < size) {
            if (!read_more(65536)) return std::nullopt;
        }
        std::string request = seen_.substr(0, size);
        seen_.erase(0, size);
        return request;
    }

    // Reads at most `size` more bytes, whatever they are. False at the end.
    bool read_more(std::size_t size) {
        std::string part(size, '\0');
        const ssize_t got = ::recv(fd_, part.data(), part.size(), 0);
        if (got <= 0) return false;
        seen_.append(part, 0, static_cast<std::size_t>(got));
        return true;
    }

    void send(std::string_view text) {
        while (!text.empty()) {
            const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
            if (sent <= 0) return;
            text.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    void send_byte_by_byte(std::string_view text) {
        for (const char each : text) {
            send({&each, 1});
            std::this_thread::yield();
        }
    }

    // Ends the connection with a RST.
    void reset() {
        const linger hard{1, 0};
        (void)::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        close();
    }

    // Until the other side is gone.
    void wait_for_end() {
        while (read_more(65536)) seen_.clear();
    }

    // From another thread: makes a read that waits return.
    void cut() {
        const std::lock_guard lock(closing_);
        if (fd_ >= 0) (void)::shutdown(fd_, SHUT_RDWR);
    }

    void close() {
        const std::lock_guard lock(closing_);
        if (fd_ >= 0) (void)::close(fd_);
        fd_ = -1;
    }

    [[nodiscard]] int fd() const { return fd_; }

  private:
    std::mutex closing_;
    int fd_;
    std::string seen_;
};

class LoopbackServer {
  public:
    using Script = std::function<void(Peer& peer, int connection)>;

    // Listens on a port of the kernel's choice, or on `port`, of 127.0.0.`host`.
    explicit LoopbackServer(Script script, std::uint16_t port = 0, std::uint8_t host = 1)
        : script_(std::move(script))
        , listener_(bound_socket(port, host))
        , port_(port_of(listener_)) {
        (void)::listen(listener_, 128);
        thread_ = std::thread([this] { accept_all(); });
    }
    LoopbackServer(const LoopbackServer&) = delete;
    LoopbackServer& operator=(const LoopbackServer&) = delete;
    ~LoopbackServer() {
        stop_ = true;
        thread_.join();
        for (Visit& visit : visits_) visit.peer.cut();
        for (Visit& visit : visits_) visit.thread.join();
        (void)::close(listener_);
    }

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    // Connections accepted so far.
    [[nodiscard]] int connections() const { return accepted_; }

  private:
    struct Visit {
        explicit Visit(int fd) : peer(fd) {}
        Peer peer;
        std::thread thread;
    };

    void accept_all() {
        while (!stop_) {
            pollfd asked{listener_, POLLIN, 0};
            if (::poll(&asked, 1, 5) <= 0) continue;
            const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) continue;
            Visit& visit = visits_.emplace_back(fd);
            visit.thread = std::thread([this, &visit, number = accepted_++] {
                script_(visit.peer, number);
                visit.peer.close();
            });
        }
    }

    Script script_;
    int listener_;
    std::uint16_t port_;
    std::atomic<bool> stop_{false};
    std::atomic<int> accepted_{0};
    std::list<Visit> visits_;  // accepting thread, then the destructor
    std::thread thread_;
};

// Answers each request with `answer`, for as long as the connection lasts.
inline LoopbackServer::Script always(std::string answer) {
    return [answer = std::move(answer)](Peer& peer, int) {
        while (peer.read_request()) peer.send(answer);
    };
}

}  // namespace rebuilder::test
