// SPDX-License-Identifier: Apache-2.0
// HttpOutput to a name that has several addresses, and others later.
// - spread over all; as many connections to each as allowed; one that is down; which is tried again
// - new addresses; those that are gone: with requests on their way, with none, back again; all at once
// - nobody answers: the name is asked for again
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "forward/http_output.h"
#include "support/catch.h"
#include "support/dns_server.h"
#include "support/loopback_server.h"
#include "support/sending_side.h"

using namespace rebuilder;
using namespace rebuilder::test;
using forward::HttpOptions;

namespace {

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr std::uint64_t ms = 1'000'000;

// A server that counts, and that can be held up.
class Backend {
  public:
    Backend(std::uint16_t port, std::uint8_t host) : server_([this](Peer& peer, int) { serve(peer); }, port, host) {}
    ~Backend() { hold(false); }

    void hold(bool held) {
        const std::lock_guard lock(mutex_);
        held_ = held;
        changed_.notify_all();
    }
    [[nodiscard]] std::uint16_t port() const { return server_.port(); }
    [[nodiscard]] int made() const { return server_.connections(); }
    [[nodiscard]] int open() const { return open_; }
    [[nodiscard]] int requests() const { return requests_; }

  private:
    void serve(Peer& peer) {
        ++open_;
        while (peer.read_request()) {
            ++requests_;
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return !held_; });
            lock.unlock();
            peer.send(ok);
        }
        --open_;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    bool held_ = false;
    std::atomic<int> open_{0};
    std::atomic<int> requests_{0};
    LoopbackServer server_;
};

constexpr std::uint32_t never_s = 3600;

HttpOptions options(const DnsServer& dns, std::uint32_t connections, std::uint32_t pipeline = 1) {
    HttpOptions made;
    made.connections = connections;
    made.pipeline = pipeline;
    made.retries = 0;
    made.resolver = {.least_ns = 10 * ms, .most_ns = 3'600'000 * ms, .servers = dns.text()};
    return made;
}

std::string url(std::uint16_t port) {
    return "http://alb.test:" + std::to_string(port);
}

// Sends until all is answered.
void send(SendingSide& side, int requests) {
    const std::uint64_t before = side[Counter::answered_2xx];
    const auto wanted = static_cast<std::uint64_t>(requests);
    for (std::uint64_t i = 0; i < wanted; ++i) side.get(i);
    REQUIRE(side.run_until([&] { return side[Counter::answered_2xx] == before + wanted; }));
}

// Until the name says something else.
void changed(SendingSide& side, DnsServer& dns, const DnsZone& zone, const std::function<bool()>& holds) {
    dns.set(zone);
    REQUIRE(side.run_until(holds));
}

}  // namespace

TEST_CASE("addresses: requests are spread over all, with so many connections to each", "[forward]") {
    Backend one(0, 1);
    Backend two(one.port(), 2);
    Backend three(one.port(), 3);
    DnsServer dns;
    dns.set({.v4 = {"127.0.0.1", "127.0.0.2", "127.0.0.3"}, .ttl_s = never_s});
    SendingSide side(url(one.port()), options(dns, 2));
    for (Backend* each : {&one, &two, &three}) each->hold(true);
    for (std::uint64_t i = 0; i < 100; ++i) side.get(i);
    REQUIRE(side.run_until([&] { return one.requests() + two.requests() + three.requests() == 6; }));
    for (Backend* each : {&one, &two, &three}) {
        CHECK(each->made() == 2);
        CHECK(each->requests() == 2);
        each->hold(false);
    }
    REQUIRE(side.run_until([&] { return side[Counter::answered_2xx] == 100; }));
    CHECK(one.requests() + two.requests() + three.requests() == 100);
    CHECK(side[Counter::connects] == 6);
    side.settle();
}

TEST_CASE("addresses: a few requests already go to all", "[forward]") {
    Backend one(0, 1);
    Backend two(one.port(), 2);
    DnsServer dns;
    dns.set({.v4 = {"127.0.0.1", "127.0.0.2"}, .ttl_s = never_s});
    SendingSide side(url(one.port()), options(dns, 8));
    for (int i = 0; i < 10; ++i) send(side, 1);
    CHECK(one.requests() > 0);
    CHECK(two.requests() > 0);
    side.settle();
}

TEST_CASE("addresses: of two, one is down, and comes back", "[forward]") {
    Backend one(0, 1);
    const int reserved = bound_socket(one.port(), 2);
    DnsServer dns;
    dns.set({.v4 = {"127.0.0.1", "127.0.0.2"}, .ttl_s = never_s});
    SendingSide side(url(one.port()), options(dns, 2));
    send(side, 50);
    CHECK(one.requests() == 50);
    CHECK(side[Counter::connect_failures] > 0);
    ::close(reserved);
    Backend two(one.port(), 2);
    one.hold(true);
    for (std::uint64_t i = 0; i < 20; ++i) side.get(i);
    CHECK(side.run_until([&] { return two.requests() >= 18; }));
    one.hold(false);
    side.settle();
    CHECK(side[Counter::answered_2xx] == 70);
}

TEST_CASE("addresses: a new one gets requests", "[forward]") {
    Backend one(0, 1);
    Backend two(one.port(), 2);
    DnsServer dns;
    dns.set({.v4 = {"127.0.0.1"}, .ttl_s = 0});
    SendingSide side(url(one.port()), options(dns, 2));
    send(side, 20);
    CHECK(two.requests() == 0);
    one.hold(true);
    for (std::uint64_t i = 0; i < 20; ++i) side.get(i);
    changed(side, dns, {.v4 = {"127.0.0.1", "127.0.0.2"}, .ttl_s = never_s}, [&] { return two.requests() == 18; });
    CHECK(one.made() == 2);
    one.hold(false);
    side.settle();
    CHECK(side[Counter::answered_2xx] == 40);
}

TEST_CASE("addresses: one that is gone", "[forward]") {
    const std::uint32_t pipeline = GENERATE(1u, 4u);
    Backend one(0, 1);
    Backend two(one.port(), 2);
    DnsServer dns;
    dns.set({.v4 = {"127.0.0.1", "127.0.0.2"}, .ttl_s = 0});
    SendingSide side(url(one.port()), options(dns, 2, pipeline));
    send(side, 40);
    REQUIRE(one.open() == 2);
    SECTION("with nothing on its way: its connections are closed") {
        changed(side, dns, {.v4 = {"127.0.0.2"}, .ttl_s = never_s}, [&] { return one.open() == 0; });
    }
    SECTION("with requests on their way: they are answered, and no others are sent there") {
        one.hold(true);
        two.hold(true);
        const int before = one.requests() + two.requests();
        for (std::uint64_t i = 0; i < 100; ++i) side.get(i);
        REQUIRE(side.run_until([&] { return one.requests() + two.requests() >= before + 4; }));
        dns.set({.v4 = {"127.0.0.2"}, .ttl_s = 0});
        const int there = one.requests();
        const std::uint64_t answered = side[Counter::answered_2xx];
        // The change is taken in while all is held up.
        const auto seen = dns.questions();
        REQUIRE(side.run_until([&] { return dns.questions() > seen + 4; }));
        one.hold(false);
        REQUIRE(side.run_until([&] { return one.open() == 0; }));
        CHECK(side[Counter::answered_2xx] > answered);
        CHECK(one.requests() - there <= static_cast<int>(2 * (pipeline - 1)));  // which were sent already
        two.hold(false);
        REQUIRE(side.run_until([&] { return side[Counter::answered_2xx] == 140; }));
    }
    const int before = one.requests();
    send(side, 20);
    CHECK(one.requests() == before);
    CHECK(one.made() == 2);
    CHECK(side[Counter::retries] == 0);
    side.settle();
}

TEST_CASE("addresses: one that comes back before its last request is answered keeps its connections", "[forward]") {
    Backend one(0, 1);
    Backend two(one.port(), 2);
    DnsServer dns;
    dns.set({.v4 = {"127.0.0.1"}, .ttl_s = 0});
    SendingSide side(url(one.port()), options(dns, 1));
    one.hold(true);
    side.get("/held");
    REQUIRE(side.run_until([&] { return one.requests() == 1; }));
    dns.set({.v4 = {"127.0.0.2"}, .ttl_s = 0});
    side.get("/other");
    REQUIRE(side.run_until([&] { return two.requests() == 1; }));
    changed(side, dns, {.v4 = {"127.0.0.1"}, .ttl_s = 0}, [&] { return two.open() == 0; });
    one.hold(false);
    REQUIRE(side.run_until([&] { return side[Counter::answered_2xx] == 2; }));
    send(side, 10);
    CHECK(one.made() == 1);
    CHECK(one.requests() == 11);
    side.settle();
}

TEST_CASE("addresses: all change, again and again", "[forward]") {
    std::vector<std::unique_ptr<Backend>> backends;
    backends.push_back(std::make_unique<Backend>(0, 1));
    for (std::uint8_t host = 2; host <= 8; ++host) {
        backends.push_back(std::make_unique<Backend>(backends[0]->port(), host));
    }
    DnsServer dns;
    dns.set({.v4 = {"127.0.0.1"}, .ttl_s = 0});
    SendingSide side(url(backends[0]->port()), options(dns, 2, 4));
    std::uint64_t sent = 0;
    for (std::size_t i = 1; i < 40; ++i) {
        const auto host = [&](std::size_t which) { return "127.0.0." + std::to_string(which % 8 + 1); };
        dns.set({.v4 = {host(i), host(i * 3)}, .ttl_s = 0});
        const std::size_t seen = dns.questions();
        REQUIRE(side.run_until([&] {
            if (side.offer("GET / HTTP/1.1\r\nHost: test\r\n\r\n") == Counter::handed_off) ++sent;
            return dns.questions() > seen + 4;
        }));
    }
    REQUIRE(side.run_until([&] { return side[Counter::answered_2xx] == sent; }));
    for (const auto& each : backends) CHECK(each->requests() > 0);
    REQUIRE(side.run_until([&] {
        int open = 0;
        for (const auto& each : backends) open += each->open();
        return open <= 4;
    }));
    CHECK(side[Counter::retries] == 0);
    side.settle();
}

TEST_CASE("addresses: when nobody answers, the name is asked for again", "[forward]") {
    Backend two(0, 2);
    const int reserved = bound_socket(two.port(), 1);
    DnsServer dns;
    dns.set({.v4 = {"127.0.0.1"}, .ttl_s = never_s});
    SendingSide side(url(two.port()), options(dns, 2));
    dns.set({.v4 = {"127.0.0.2"}, .ttl_s = never_s});
    send(side, 10);  // within the timeout, long before the time to live is over
    CHECK(two.requests() == 10);
    side.settle();
    ::close(reserved);
}
