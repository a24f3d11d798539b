// SPDX-License-Identifier: Apache-2.0
#include "page_server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <system_error>

#include <fmt/format.h>

#include "base/clock.h"
#include "forward/socket_address.h"

namespace rebuilder {
namespace {

// For what a client still sends behind its request.
constexpr std::uint64_t leave_ms = 1'000;
constexpr std::size_t leave_bytes = 256 << 10;

std::uint64_t clock_ms() noexcept {
    return clock_ns() / 1'000'000;
}

[[noreturn]] void fail() {
    throw std::system_error(errno, std::generic_category());
}

std::string_view reason_phrase(int status) noexcept {
    switch (status) {
    case 200: return "OK";
    case 405: return "Method Not Allowed";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "Status";
    }
}

// Behind the empty line that ends a head; npos while there is none.
std::size_t end_of_head(std::string_view bytes) noexcept {
    for (std::size_t at = 0; (at = bytes.find('\n', at)) != std::string_view::npos;) {
        ++at;
        if (bytes.substr(at).starts_with("\r\n")) return at + 2;
        if (bytes.substr(at).starts_with('\n')) return at + 1;
    }
    return std::string_view::npos;
}

std::string write(const Page& page, bool with_body) {
    std::string text = fmt::format("HTTP/1.1 {} {}\r\nConnection: close\r\nContent-Length: {}\r\n", page.status,
        reason_phrase(page.status), page.body.size());
    if (!page.body.empty()) text += fmt::format("Content-Type: {}\r\n", page.type);
    text += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
    for (const auto& [name, value] : page.fields) text += fmt::format("{}: {}\r\n", name, value);
    text += "\r\n";
    return with_body ? text + page.body : text;
}

}  // namespace

PageServer::PageServer(const std::string& address, Pages pages, const PageLimits& limits)
    : pages_(std::move(pages))
    , limits_(limits) {
    const auto wanted = forward::SocketAddress::read(address);
    if (!wanted) throw std::system_error(EADDRNOTAVAIL, std::generic_category());
    constexpr int waiting = 128;
    listener_ = Descriptor(::socket(wanted->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    end_ = Descriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!listener_ || !end_) fail();
    // What an earlier process's connections left behind must not keep us out; a process that lives does.
    const int yes = 1;
    (void)::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (::bind(listener_.get(), wanted->get(), wanted->size) != 0) fail();
    if (::listen(listener_.get(), waiting) != 0) fail();
    thread_ = std::thread([this] { run(); });
}

PageServer::~PageServer() {
    const std::uint64_t one = 1;
    (void)!::write(end_.get(), &one, sizeof one);
    thread_.join();
}

void PageServer::run() {
    std::vector<pollfd> waiting;
    for (;;) {
        std::uint64_t now_ms = clock_ms();
        std::erase_if(connections_, [now_ms](const Connection& each) { return now_ms >= each.until_ms; });

        const bool listens = now_ms >= listen_from_ms_;
        std::uint64_t wake_ms = listens ? now_ms + 60'000 : listen_from_ms_;
        waiting.clear();
        waiting.push_back({.fd = end_.get(), .events = POLLIN, .revents = 0});
        waiting.push_back({.fd = listens ? listener_.get() : -1, .events = POLLIN, .revents = 0});
        for (const Connection& each : connections_) {
            const short events = each.state == Connection::State::is_answered ? POLLOUT : POLLIN;
            waiting.push_back({.fd = each.socket.get(), .events = events, .revents = 0});
            wake_ms = std::min(wake_ms, each.until_ms);
        }
        if (::poll(waiting.data(), waiting.size(), static_cast<int>(wake_ms - now_ms)) < 0) continue;  // a signal
        if (waiting[0].revents != 0) return;

        now_ms = clock_ms();
        std::size_t i = 2;
        for (auto each = connections_.begin(); each != connections_.end(); ++i) {
            const bool over = waiting[i].revents != 0 && !serve(*each, now_ms);
            each = over ? connections_.erase(each) : std::next(each);
        }
        if (waiting[1].revents != 0) take_connections(now_ms);
    }
}

void PageServer::take_connections(std::uint64_t now_ms) {
    constexpr std::uint64_t pause_ms = 100;
    constexpr int at_once = 16;
    for (int i = 0; i < at_once; ++i) {
        Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!socket) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                listen_from_ms_ = now_ms + pause_ms;
            }
            return;
        }
        if (connections_.size() >= limits_.connections) connections_.pop_front();
        connections_.push_back({.socket = std::move(socket), .until_ms = now_ms + limits_.request_ms, .bytes = {}});
    }
}

bool PageServer::serve(Connection& connection, std::uint64_t now_ms) const {
    if (connection.state == Connection::State::asks && !read_request(connection, now_ms)) return false;
    if (connection.state == Connection::State::is_answered) {
        if (!write_answer(connection)) return false;
        if (connection.sent < connection.bytes.size()) return true;
        // A close with bytes unread would be a reset, which takes the answer from under the client.
        if (::shutdown(connection.socket.get(), SHUT_WR) != 0) return false;
        connection.state = Connection::State::is_left;
        connection.until_ms = now_ms + leave_ms;
        connection.bytes = {};
        connection.sent = 0;
    }
    if (connection.state != Connection::State::is_left) return true;
    std::array<char, 4096> unwanted;
    const ssize_t size = ::recv(connection.socket.get(), unwanted.data(), unwanted.size(), 0);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    connection.sent += static_cast<std::size_t>(size);
    return size != 0 && connection.sent < leave_bytes;
}

bool PageServer::read_request(Connection& connection, std::uint64_t now_ms) const {
    std::array<char, 4096> bytes;
    const std::size_t room = std::min(bytes.size(), limits_.head - connection.bytes.size());
    const ssize_t size = ::recv(connection.socket.get(), bytes.data(), room, 0);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    if (size == 0) return false;
    connection.bytes.append(bytes.data(), static_cast<std::size_t>(size));
    const std::size_t end = end_of_head(connection.bytes);
    if (end == std::string::npos && connection.bytes.size() < limits_.head) return true;
    connection.bytes = end == std::string::npos ? write({.status = 431, .body = {}, .fields = {}}, true)
                                                : answer(std::string_view(connection.bytes).substr(0, end));
    connection.state = Connection::State::is_answered;
    connection.until_ms = now_ms + limits_.answer_ms;
    return true;
}

bool PageServer::write_answer(Connection& connection) const {
    const std::string_view rest = std::string_view(connection.bytes).substr(connection.sent);
    const ssize_t size = ::send(connection.socket.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    connection.sent += static_cast<std::size_t>(size);
    return true;
}

std::string PageServer::answer(std::string_view head) const {
    const std::string_view line = head.substr(0, head.find_first_of("\r\n"));
    const std::size_t blank = std::min(line.find(' '), line.size());
    const std::string_view method = line.substr(0, blank);
    std::string_view path = line.substr(std::min(blank + 1, line.size()));
    path = path.substr(0, path.find_first_of(" ?#"));
    const auto page = pages_.find(path);
    if (page == pages_.end() || (method != "GET" && method != "HEAD")) {
        return write({.status = 405, .body = {}, .fields = {{"Allow", "GET, HEAD"}}}, true);
    }
    try {
        return write(page->second(), method == "GET");
    } catch (const std::exception&) {
        return write({.status = 500, .body = {}, .fields = {}}, true);
    }
}

}  // namespace rebuilder
