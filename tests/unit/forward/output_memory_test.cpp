// SPDX-License-Identifier: Apache-2.0
// What an output says of its memory holds: connections with all the requests that they can carry, against servers in a
// process of their own, so that what is measured is this side's heap.
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "forward/http_output.h"
#include "support/catch.h"
#include "support/certificates.h"
#include "support/http2_server.h"
#include "support/loopback_server.h"
#include "support/sending_side.h"
#include "support/tls_peer.h"

using namespace rebuilder;
using forward::HttpOptions;
using test::LoopbackServer;
using test::Peer;
using test::PlainStream;
using test::SendingSide;
using test::serve_http2;
using test::TlsPeer;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool has_own_heap = true;  // of which mallinfo2() knows nothing
#else
constexpr bool has_own_heap = false;
#endif

// A LoopbackServer in another process, until the destructor.
class FarServer {
  public:
    explicit FarServer(const LoopbackServer::Script& script) {
        int up[2], down[2];
        if (::pipe(up) != 0 || ::pipe(down) != 0) throw std::runtime_error("no pipe");
        child_ = ::fork();
        if (child_ == 0) {
            ::close(down[1]);
            LoopbackServer server(script);
            const std::uint16_t port = server.port();
            (void)!::write(up[1], &port, sizeof(port));
            char end = 0;
            (void)!::read(down[0], &end, 1);
            ::_exit(0);
        }
        ::close(up[1]);
        ::close(down[0]);
        life_ = down[1];
        if (::read(up[0], &port_, sizeof(port_)) != sizeof(port_)) throw std::runtime_error("no server");
        ::close(up[0]);
    }
    FarServer(const FarServer&) = delete;
    FarServer& operator=(const FarServer&) = delete;
    ~FarServer() {
        ::close(life_);
        ::waitpid(child_, nullptr, 0);
    }
    [[nodiscard]] std::string url(bool tls) const {
        return (tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_);
    }

  private:
    pid_t child_ = -1;
    int life_ = -1;
    std::uint16_t port_ = 0;
};

std::size_t heap() {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
}

}  // namespace

TEST_CASE("http output: it takes no more memory than it says", "[forward]") {
    if (has_own_heap) return;
    const bool tls = GENERATE(false, true);
    const bool http2 = GENERATE(false, true);
    INFO((tls ? "https" : "http") << (http2 ? ", HTTP/2" : ""));
    test::Authority ca;
    test::TlsServer tls_server(ca.sign({.addresses = {"127.0.0.1"}}), {.protocols = {"h2", "http/1.1"}});
    const FarServer server([&](Peer& peer, int) {
        if (tls) {
            TlsPeer stream(tls_server, peer);
            if (http2) serve_http2(stream, nullptr, {.streams = 128});
            while (!stream.read().empty()) {
            }
        } else {
            PlainStream stream{peer};
            if (http2) serve_http2(stream, nullptr, {.streams = 128});
            while (!stream.read().empty()) {
            }
        }
    });
    HttpOptions options;
    options.connections = 24;
    options.http2 = http2;
    options.tls.ca = ca.file();
    options.timeout_ns = 60'000'000'000;
    const std::size_t requests = options.connections * (http2 ? 128 : 1);
    const std::string url = server.url(tls);

    {
        SendingSide warm(url, options);  // what a library allocates once is no connection's
        warm.get(1);
        CHECK(warm.run_until([&] { return warm[Counter::connects] > 0; }));
        warm.settle(0);
    }
    const SendingSide::Sizes sizes{.slots = 8192, .blocks = 8192, .block_bytes = 1024};
    const std::size_t bare = heap();
    const forward::Channel channel(sizes.slots, sizes.blocks);  // which is the hand-off's, not the output's
    const std::size_t before = heap() + (heap() - bare);
    SendingSide side(url, options, sizes);
    for (std::size_t i = 0; i < requests; ++i) {
        // As browsers ask, none like the other.
        std::string request = "GET /" + std::to_string(i) +
                              " HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: " + std::string(120, 'u') +
                              "\r\nCookie: " + std::to_string(i * 7919) + std::string(300, 'c') +
                              "\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n";
        if (side.offer(request) != Counter::handed_off) FAIL("no room");
    }
    CHECK(side.run_until([&] { return side[Counter::connects] == options.connections; }));
    CHECK(side[Counter::connects] == options.connections);
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
    while (std::chrono::steady_clock::now() < end) (void)side.forwarder.step(1'000'000);
    const std::size_t used = heap() - before;
    const std::size_t most = forward::most_bytes(forward::parse_output(url), options);
    INFO("used " << used << " of " << most);
    CHECK(used <= most);
    CHECK(used >= most / 8);  // nor does it promise far too much
    side.settle(0);
}
