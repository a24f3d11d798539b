// SPDX-License-Identifier: Apache-2.0
// The pages' server against clients that behave, and against those that don't: slow, endless, many.
#include "page_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <deque>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include "support/catch.h"

using namespace rebuilder;
using namespace std::chrono_literals;

namespace {

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

std::uint16_t free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    REQUIRE(::bind(socket, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    REQUIRE(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    ::close(socket);
    return ntohs(address.sin_port);
}

class Client {
  public:
    explicit Client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const sockaddr_in address = loopback(port);
        REQUIRE(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    ~Client() { ::close(socket_); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // False when the server has closed.
    bool send(std::string_view text) const {
        return ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
    }
    // All that comes until the server closes, or nothing more comes for so long.
    [[nodiscard]] std::string read(int wait_ms = 5'000) const {
        std::string all;
        pollfd ready{.fd = socket_, .events = POLLIN, .revents = 0};
        std::array<char, 4096> bytes;
        while (::poll(&ready, 1, wait_ms) > 0) {
            const ssize_t size = ::recv(socket_, bytes.data(), bytes.size(), 0);
            if (size <= 0) return all;
            all.append(bytes.data(), static_cast<std::size_t>(size));
        }
        return all + "(still open)";
    }
    [[nodiscard]] std::string ask(std::string_view request) const { return send(request) ? read() : "(closed)"; }

  private:
    int socket_;
};

// A server that most tests are content with.
struct Server {
    explicit Server(const PageLimits& limits = {}) : pages(fmt::format("127.0.0.1:{}", port), all(), limits) {}

    static PageServer::Pages all() {
        return {
            {"/hello",
                [] {
                    return Page{.body = "Hello", .fields = {{"X-A", "b"}}};
                }},
            {"/ill", [] { return Page{.status = 503, .body = "ill", .fields = {}}; }},
            {"/large", [] { return Page{.type = "text/html", .body = std::string(8 << 20, 'x'), .fields = {}}; }},
            {"/broken", []() -> Page { throw std::runtime_error("broken"); }},
        };
    }
    [[nodiscard]] std::string ask(std::string_view request) const { return Client(port).ask(request); }

    std::uint16_t port = free_port();
    PageServer pages;
};

}  // namespace

TEST_CASE("pages: a page is answered, and the connection closed") {
    const Server server;
    CHECK(server.ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n") ==
          "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n"
          "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-A: b\r\n\r\nHello");
    CHECK(server.ask("GET /ill HTTP/1.0\n\n").starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    CHECK(server.ask("GET /hello?from=probe HTTP/1.1\r\n\r\n").ends_with("\r\n\r\nHello"));
    const std::string head = server.ask("HEAD /hello HTTP/1.1\r\n\r\n");
    CHECK(head.find("Content-Length: 5\r\n") != std::string::npos);
    CHECK(head.ends_with("\r\n\r\n"));
    CHECK(server.ask("GET /broken HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 500 "));
    CHECK(server.ask("GET /large HTTP/1.1\r\n\r\n").size() > 8u << 20);
}

TEST_CASE("pages: anything else is 405") {
    const Server server;
    for (const char* request : {"GET / HTTP/1.1\r\n\r\n", "GET /hellooo HTTP/1.1\r\n\r\n",
             "get /hello HTTP/1.1\r\n\r\n", "POST /hello HTTP/1.1\r\nContent-Length: 5\r\n\r\nbytes", "\r\n\r\n",
             "GET\r\n\r\n", " \n\n", "GET http://a/hello HTTP/1.1\r\n\r\n"}) {
        CAPTURE(request);
        const std::string answer = server.ask(request);
        CHECK(answer.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"));
        CHECK(answer.ends_with("\r\n\r\n"));
    }
}

TEST_CASE("pages: a request may come byte by byte, and more behind it doesn't cost the answer") {
    const Server server;
    const Client slow(server.port);
    for (const char c : std::string_view("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")) REQUIRE(slow.send({&c, 1}));
    CHECK(slow.read().ends_with("Hello"));
    CHECK(server.ask("POST /hello HTTP/1.1\r\nContent-Length: 65536\r\n\r\n" + std::string(65536, 'x'))
              .starts_with("HTTP/1.1 405 "));
}

TEST_CASE("pages: a head without an end is refused when it is too large") {
    const Server server;
    for (const char* beginning : {"", "GET /", "GET /hello HTTP/1.1\r\n"}) {
        const Client client(server.port);
        REQUIRE(client.send(beginning));
        const std::string line = std::string(beginning).ends_with("\n") ? "A: b\r\n" : "AAAAAAA";
        std::size_t sent = 0;
        while (sent < (64u << 20) && client.send(line)) sent += line.size();
        CAPTURE(beginning, sent);
        CHECK(sent < 16u << 20);
    }
    CHECK(server.ask("GET /" + std::string(9'000, 'a') + " HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 431 "));
}

TEST_CASE("pages: who is slow or silent loses the connection, and keeps nobody else waiting") {
    const Server server({.connections = 64, .head = 8 << 10, .request_ms = 300, .answer_ms = 300});
    std::deque<Client> slow;
    for (int i = 0; i < 20; ++i) slow.emplace_back(server.port).send("GET /hel");
    const auto begin = std::chrono::steady_clock::now();
    CHECK(server.ask("GET /hello HTTP/1.1\r\n\r\n").ends_with("Hello"));
    CHECK(std::chrono::steady_clock::now() - begin < 200ms);
    // A byte now and then buys no time.
    bool open = true;
    for (int i = 0; i < 20 && open; ++i) {
        std::this_thread::sleep_for(50ms);
        open = slow.back().send("l");
    }
    CHECK_FALSE(open);
    CHECK(slow.front().read(100).empty());

    const Client deaf(server.port);
    REQUIRE(deaf.send("GET /large HTTP/1.1\r\n\r\n"));
    std::this_thread::sleep_for(600ms);
    CHECK(deaf.read().size() < 8u << 20);
}

TEST_CASE("pages: of too many connections the oldest goes") {
    const Server server({.connections = 8, .head = 8 << 10, .request_ms = 60'000, .answer_ms = 60'000});
    std::deque<Client> idle;
    for (int i = 0; i < 100; ++i) idle.emplace_back(server.port);
    CHECK(server.ask("GET /hello HTTP/1.1\r\n\r\n").ends_with("Hello"));
    CHECK(idle.front().read(1'000).empty());
    CHECK(idle.back().ask("GET /hello HTTP/1.1\r\n\r\n").ends_with("Hello"));
}

TEST_CASE("pages: an address has one server, and is free again at once") {
    std::uint16_t port = 0;
    {
        const Server server;
        port = server.port;
        (void)server.ask("GET /hello HTTP/1.1\r\n\r\n");
        CHECK_THROWS_AS(PageServer(fmt::format("127.0.0.1:{}", port), Server::all()), std::system_error);
    }
    const PageServer again(fmt::format("127.0.0.1:{}", port), Server::all());
    CHECK(Client(port).ask("GET /hello HTTP/1.1\r\n\r\n").ends_with("Hello"));
    CHECK_THROWS_AS(PageServer("192.0.2.1:80", Server::all()), std::system_error);
}
