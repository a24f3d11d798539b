// SPDX-License-Identifier: Apache-2.0
// HttpOutput against servers that close, reset, stay silent, talk nonsense, or are not there.
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "forward/http_output.h"
#include "support/catch.h"
#include "support/loopback_server.h"
#include "support/sending_side.h"

using namespace rebuilder;
using forward::HttpOptions;
using test::LoopbackServer;
using test::Peer;
using test::SendingSide;

namespace {

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr std::uint64_t ms = 1'000'000;

HttpOptions options(std::uint32_t connections, std::uint32_t pipeline, std::uint32_t retries = 1) {
    HttpOptions made;
    made.connections = connections;
    made.pipeline = pipeline;
    made.retries = retries;
    return made;
}

// How often each request came, over all connections.
class Arrivals {
  public:
    void add(const std::string& request) {
        const std::lock_guard lock(guard_);
        ++count_[request];
    }
    int most() {
        const std::lock_guard lock(guard_);
        int most = 0;
        for (const auto& [request, count] : count_) most = std::max(most, count);
        return most;
    }
    std::size_t different() {
        const std::lock_guard lock(guard_);
        return count_.size();
    }

  private:
    std::mutex guard_;
    std::map<std::string, int> count_;
};

std::uint64_t elapsed_ms(std::chrono::steady_clock::time_point since) {
    const auto passed = std::chrono::steady_clock::now() - since;
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(passed).count());
}

}  // namespace

TEST_CASE("http output: a connection that is closed behind each answer", "[forward]") {
    struct Case {
        std::string answer;
        std::uint32_t retries;
    };
    const Case cases[] = {
        {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 0},
        {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 0}, {"HTTP/1.1 200 OK\r\n\r\nuntil the end", 0},
        {ok, 30},  // without a word: what the server has not read when it closes turns its end into a reset, and which
                   // request is charged for that, and how often, is up to chance
    };
    for (const Case& each : cases) {
        INFO(each.answer);
        LoopbackServer server([&](Peer& peer, int) {
            if (peer.read_request()) peer.send(each.answer);
        });
        SendingSide side(server.url(), options(2, 8, each.retries));
        for (std::uint64_t i = 1; i <= 30; ++i) {
            side.get(i);
            if (i > 20) {  // one at a time too, so that the end comes to an idle connection
                REQUIRE(side.run_until([&] { return side[Counter::answered_2xx] == i; }));
                (void)side.forwarder.step(5'000'000);
            }
        }
        side.settle();
        CHECK(side[Counter::answered_2xx] == 30);
        CHECK(server.connections() >= 30);
    }
}

TEST_CASE("http output: pipelined requests behind a Connection: close are sent again for free", "[forward]") {
    Arrivals arrivals;
    LoopbackServer server([&](Peer& peer, int) {
        for (int i = 0; i < 5; ++i) {
            const auto request = peer.read_request();
            if (!request) return;
            arrivals.add(*request);
            peer.send(i < 4 ? ok : "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        }
    });
    SendingSide side(server.url(), options(1, 16, 0));
    for (std::uint64_t i = 0; i < 100; ++i) side.get(i);
    side.settle();
    CHECK(side[Counter::answered_2xx] == 100);
    CHECK(side[Counter::retries] > 0);
    CHECK(server.connections() == 20);
    CHECK(arrivals.different() == 100);
    CHECK(arrivals.most() == 1);  // the server looked at none of them twice
}

TEST_CASE("http output: a server that closes after k of n pipelined requests, without a word", "[forward]") {
    LoopbackServer server([](Peer& peer, int) {
        for (int i = 0; i < 4 && peer.read_request(); ++i) peer.send(ok);
    });
    SendingSide side(server.url(), options(1, 16, 1));
    for (std::uint64_t i = 0; i < 60; ++i) side.get(i);
    side.settle();
    CHECK(side[Counter::answered_2xx] == 60);
    CHECK(server.connections() >= 15);
}

TEST_CASE("http output: a reset in the middle of an answer is tried again", "[forward]") {
    LoopbackServer server([](Peer& peer, int connection) {
        while (peer.read_request()) {
            if (connection == 0) {
                peer.send("HTTP/1.1 200 OK\r\nContent-Le");
                peer.reset();
                return;
            }
            peer.send(ok);
        }
    });
    SendingSide side(server.url(), options(1, 1));
    for (std::uint64_t i = 0; i < 5; ++i) side.post(SendingSide::numbered(i), "not idempotent");
    side.settle();
    CHECK(side[Counter::answered_2xx] == 5);
    CHECK(side[Counter::retries] == 1);
    CHECK(side[Counter::connects] == 2);
}

TEST_CASE("http output: a request is sent again `retries` times, then it has failed", "[forward]") {
    for (const std::uint32_t retries : {0u, 1u, 3u}) {
        for (const bool reset : {false, true}) {
            INFO(retries << (reset ? " resets" : " ends"));
            Arrivals arrivals;
            LoopbackServer server([&](Peer& peer, int) {
                if (const auto request = peer.read_request()) arrivals.add(*request);
                if (reset) peer.reset();
            });
            SendingSide side(server.url(), options(2, 4, retries));
            for (std::uint64_t i = 0; i < 3; ++i) side.get(i);
            side.settle();
            CHECK(side[Counter::failed_reset] == 3);
            CHECK(side[Counter::retries] == 3 * retries);
            CHECK(arrivals.most() == static_cast<int>(retries) + 1);
            CHECK(side.forwarder.trouble().empty());  // somebody does accept connections
        }
    }
}

TEST_CASE("http output: a request that kills its connections takes no other with it", "[forward]") {
    Arrivals poison;
    LoopbackServer server([&](Peer& peer, int) {
        while (const auto request = peer.read_request()) {
            if (request->starts_with("GET /poison")) {
                poison.add(*request);
                peer.reset();
                return;
            }
            peer.send(ok);
        }
    });
    SendingSide side(server.url(), options(2, 16));
    for (std::uint64_t i = 0; i < 100; ++i) side.get(i == 50 ? "/poison" : SendingSide::numbered(i));
    side.settle();
    CHECK(side[Counter::answered_2xx] == 99);
    CHECK(side[Counter::failed_reset] == 1);
    CHECK(static_cast<std::uint64_t>(poison.most()) <= 1 + side[Counter::retries]);  // every sending again is counted
}

TEST_CASE("http output: what is not HTTP fails the request that got it", "[forward]") {
    const char* const answers[] = {
        "220 mail.example.com ESMTP\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1e9\r\n\r\n",
    };
    for (const std::string answer : answers) {
        INFO(answer);
        LoopbackServer server([&](Peer& peer, int) {
            for (int i = 0; i < 4 && peer.read_request(); ++i) peer.send(i < 3 ? ok : answer);
            peer.wait_for_end();
        });
        SendingSide side(server.url(), options(1, 4, 0));
        for (std::uint64_t i = 0; i < 12; ++i) side.get(i);
        side.settle();
        CHECK(side[Counter::answered_2xx] == 9);
        CHECK(side[Counter::failed_response] == 3);
    }
}

TEST_CASE("http output: an answer that nobody asked for ends the connection", "[forward]") {
    LoopbackServer server([](Peer& peer, int connection) {
        while (peer.read_request()) {
            peer.send(connection == 0 ? ok + "HTTP/1.1 500 Late\r\nContent-Length: 0\r\n\r\n" : ok);
        }
    });
    SendingSide side(server.url(), options(1, 1));
    for (std::uint64_t i = 1; i <= 3; ++i) {
        side.get("/");
        REQUIRE(side.run_until([&] { return side[Counter::answered_2xx] == i; }));
        (void)side.forwarder.step(5'000'000);
    }
    side.settle();
    CHECK(side[Counter::answered_2xx] == 3);
    CHECK(side[Counter::answered_5xx] == 0);
    CHECK(server.connections() == 2);
}

TEST_CASE("http output: no answer in time fails one request and frees the others", "[forward]") {
    LoopbackServer server([](Peer& peer, int) {
        while (const auto request = peer.read_request()) {
            if (request->starts_with("GET /slow")) {
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");  // and then nothing
                peer.wait_for_end();
                return;
            }
            peer.send(ok);
        }
    });
    HttpOptions hasty = options(1, 8);
    hasty.timeout_ns = 100 * ms;
    SendingSide side(server.url(), hasty);
    for (std::uint64_t i = 0; i < 20; ++i) side.get(i == 5 ? "/slow" : SendingSide::numbered(i));
    side.settle();
    CHECK(side[Counter::answered_2xx] == 19);
    CHECK(side[Counter::failed_timeout] == 1);
    CHECK(side[Counter::connects] == 2);
}

TEST_CASE("http output: a server that never reads", "[forward]") {
    LoopbackServer server([](Peer&, int) { std::this_thread::sleep_for(std::chrono::milliseconds(400)); });
    HttpOptions hasty = options(1, 1);
    hasty.timeout_ns = 100 * ms;
    SendingSide side(server.url(), hasty, {.slots = 16, .blocks = 8192, .block_bytes = 2048});
    side.post("/", std::string(8u << 20, 'x'));
    side.settle();
    CHECK(side[Counter::failed_timeout] == 1);
}

TEST_CASE("http output: a refused port is known at the end of the run, without waiting for it", "[forward]") {
    const int closed = test::bound_socket();
    const std::string url = "http://127.0.0.1:" + std::to_string(test::port_of(closed));
    SendingSide side(url, options(4, 1));
    for (int i = 0; i < 200; ++i) side.get("/");
    const auto begin = std::chrono::steady_clock::now();
    side.settle(30'000 * ms);
    CHECK(elapsed_ms(begin) < 5'000);
    CHECK(side[Counter::failed_connect] == 200);
    CHECK(side[Counter::connect_failures] > 0);
    CHECK(side[Counter::connects] == 0);
    CHECK(side.forwarder.trouble() == "output " + url + ": connection refused");
    (void)::close(closed);
}

TEST_CASE("http output: while nobody accepts, requests wait for the timeout and attempts are few", "[forward]") {
    const int closed = test::bound_socket();
    HttpOptions hasty = options(4, 1);
    hasty.timeout_ns = 300 * ms;
    SendingSide side("http://127.0.0.1:" + std::to_string(test::port_of(closed)), hasty);
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 10; ++i) side.get("/");
    REQUIRE(side.run_until([&] { return side[Counter::failed_connect] == 10; }));
    CHECK(elapsed_ms(begin) >= 300);
    CHECK(side[Counter::connect_failures] <= 4 + 4);  // the first ones side by side, then about 50, 100, 200 ms apart
    side.settle();
    (void)::close(closed);
}

TEST_CASE("http output: an output that comes back is found again", "[forward]") {
    int closed = test::bound_socket();
    const std::uint16_t port = test::port_of(closed);
    SendingSide side("http://127.0.0.1:" + std::to_string(port), options(2, 1));
    for (int i = 0; i < 10; ++i) side.get("/");
    REQUIRE(side.run_until([&] { return side[Counter::connect_failures] >= 4; }));
    (void)::close(closed);
    LoopbackServer server(test::always(ok), port);
    const auto begin = std::chrono::steady_clock::now();
    REQUIRE(side.run_until([&] { return side[Counter::answered_2xx] == 10; }));
    CHECK(elapsed_ms(begin) < 2'000);
    side.settle();
    CHECK(side.forwarder.trouble().empty());
}

TEST_CASE("http output: of two addresses, one that refuses costs nothing but attempts", "[forward]") {
    // localhost has ::1 and 127.0.0.1 on most hosts; the server has the second only.
    LoopbackServer server(test::always(ok));
    SendingSide side("http://localhost:" + std::to_string(server.port()), options(4, 2));
    for (int i = 0; i < 100; ++i) side.get("/");
    side.settle();
    CHECK(side[Counter::answered_2xx] == 100);
}
