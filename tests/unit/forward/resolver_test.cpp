// SPDX-License-Identifier: Apache-2.0
// Resolver against a name server of the test's.
// - addresses and names; both families; copies; too many; an alias
// - asked again: after the time to live, within the bounds, when told so; not without need
// - failures: at the start, later; a server that is silent; its end while it asks
#include "forward/resolver.h"

#include <chrono>
#include <functional>

#include "base/error.h"
#include "support/catch.h"
#include "support/dns_server.h"

using namespace rebuilder;
using namespace rebuilder::test;
using namespace std::chrono_literals;
using forward::Resolver;
using forward::ResolverOptions;

namespace {

constexpr std::uint64_t ms = 1'000'000;

using Texts = std::vector<std::string>;

Texts texts(const Resolver& resolver) {
    Texts all;
    for (const auto& address : resolver.addresses()) all.push_back(address.text());
    return all;
}

// In a thread that is not asked how long a machine makes it wait: true as soon as it holds.
bool soon(const std::function<bool()>& holds) {
    for (int i = 0; i < 1000 && !holds(); ++i) std::this_thread::sleep_for(10ms);
    return holds();
}

ResolverOptions options(const DnsServer& dns, std::uint64_t least_ns = 50 * ms, std::uint64_t most_ns = 100 * ms) {
    return {.least_ns = least_ns, .most_ns = most_ns, .servers = dns.text()};
}

constexpr std::uint64_t never = 3'600'000 * ms;

}  // namespace

TEST_CASE("resolver: an address is taken as it is", "[resolver]") {
    CHECK(texts(Resolver("x", "192.0.2.1", 80, {})) == Texts{"192.0.2.1:80"});
    CHECK(texts(Resolver("x", "2001:db8::1", 8443, {})) == Texts{"[2001:db8::1]:8443"});
    Resolver one("x", "127.0.0.1", 1, {.least_ns = 1, .most_ns = 1, .servers = "127.0.0.1:1"});
    one.again();
    std::this_thread::sleep_for(20ms);
    CHECK(one.version() == 1);
    CHECK(one.counters()[Counter::resolutions] == 0);
}

TEST_CASE("resolver: lists of name servers", "[resolver]") {
    for (const char* good : {"192.0.2.1", "192.0.2.1:53", "[2001:db8::1]", "[2001:db8::1]:5353", "192.0.2.1,[::1]"}) {
        INFO(good);
        CHECK(forward::valid_servers(good));
    }
    for (const char* bad :
        {"", ",", "192.0.2.1,", ",192.0.2.1", "192.0.2", "dns.test", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536",
            "192.0.2.1:53x", "2001:db8::1", "[2001:db8::1", "[2001:db8::1]53", "[192.0.2.1]", "[]"}) {
        INFO(bad);
        CHECK_FALSE(forward::valid_servers(bad));
    }
}

TEST_CASE("resolver: a name server with an IPv6 address", "[resolver]") {
    DnsServer dns(true);
    if (dns.text().empty()) return;  // there is no IPv6 here
    dns.set({.v4 = {"127.0.0.1"}, .ttl_s = 60});
    CHECK(texts(Resolver("x", "alb.test", 80, options(dns))) == Texts{"127.0.0.1:80"});
}

TEST_CASE("resolver: the system's own names", "[resolver]") {
    const Resolver resolver("x", "localhost", 80, {});
    REQUIRE(!resolver.addresses().empty());
    for (const std::string& text : texts(resolver)) CHECK((text == "127.0.0.1:80" || text == "[::1]:80"));
}

TEST_CASE("resolver: all addresses of a name, in order, each once", "[resolver]") {
    DnsServer dns;
    dns.set({.v4 = {"127.0.0.9", "127.0.0.1", "127.0.0.9"}, .v6 = {"::1"}, .ttl_s = 60});
    const Resolver resolver("x", "alb.test", 8080, options(dns));
    Texts all = texts(resolver);
    if (!all.empty() && all.back() == "[::1]:8080") all.pop_back();  // where there is no IPv6 there is no route to it
    CHECK(all == Texts{"127.0.0.1:8080", "127.0.0.9:8080"});
    CHECK(dns.questions() == 2);
}

TEST_CASE("resolver: an address without a route is taken only when there is no other", "[resolver]") {
    DnsServer dns;
    dns.set({.v4 = {"255.255.255.255", "127.0.0.1"}, .ttl_s = 60});
    CHECK(texts(Resolver("x", "alb.test", 80, options(dns))) == Texts{"127.0.0.1:80"});
    dns.set({.v4 = {"255.255.255.255"}, .ttl_s = 60});
    CHECK(texts(Resolver("x", "alb.test", 80, options(dns))) == Texts{"255.255.255.255:80"});
}

TEST_CASE("resolver: of very many addresses some are used, and stay in use", "[resolver]") {
    DnsServer dns;
    DnsZone zone{.ttl_s = 0};
    for (int i = 1; i <= 28; ++i) zone.v4.push_back("127.0.1." + std::to_string(i));
    dns.set(zone);
    Resolver resolver("x", "alb.test", 80, options(dns, 10 * ms, 10 * ms));
    const Texts first = texts(resolver);
    CHECK(first.size() == Resolver::most_addresses);
    REQUIRE(soon([&] { return resolver.counters()[Counter::resolutions] >= 3; }));
    CHECK(texts(resolver) == first);
    CHECK(resolver.version() == 1);
}

// ---- again

TEST_CASE("resolver: what changes is noticed when the time to live is over", "[resolver]") {
    DnsServer dns;
    dns.set({.v4 = {"127.0.0.1"}, .ttl_s = 1});
    Resolver resolver("x", "alb.test", 80, options(dns, 10 * ms, never));
    CHECK(resolver.version() == 1);
    dns.set({.v4 = {"127.0.0.2", "127.0.0.3"}, .ttl_s = 1});
    std::this_thread::sleep_for(300ms);
    CHECK(texts(resolver) == Texts{"127.0.0.1:80"});
    REQUIRE(soon([&] { return resolver.version() == 2; }));
    CHECK(texts(resolver) == Texts{"127.0.0.2:80", "127.0.0.3:80"});
    REQUIRE(soon([&] { return resolver.counters()[Counter::resolutions] >= 2; }));
    CHECK(resolver.version() == 2);  // the same again is no change
}

TEST_CASE("resolver: an alias may change sooner than what it stands for", "[resolver]") {
    DnsServer dns;
    dns.set({.v4 = {"127.0.0.1"}, .ttl_s = 3600, .alias = "lb", .alias_ttl_s = 0});
    Resolver resolver("x", "alb.test", 80, options(dns, 10 * ms, never));
    CHECK(soon([&] { return resolver.counters()[Counter::resolutions] >= 2; }));
}

TEST_CASE("resolver: a time to live beyond the bounds", "[resolver]") {
    DnsServer dns;
    SECTION("none: not more often than allowed") {
        dns.set({.v4 = {"127.0.0.1"}, .ttl_s = 0});
        Resolver resolver("x", "alb.test", 80, options(dns, never, never));
        std::this_thread::sleep_for(100ms);
        CHECK(dns.questions() == 2);
        resolver.again();
        std::this_thread::sleep_for(100ms);
        CHECK(dns.questions() == 2);
    }
    SECTION("very long: not less often either") {
        dns.set({.v4 = {"127.0.0.1"}, .ttl_s = 1'000'000});
        Resolver resolver("x", "alb.test", 80, options(dns, 10 * ms, 20 * ms));
        CHECK(soon([&] { return resolver.counters()[Counter::resolutions] >= 2; }));
    }
}

TEST_CASE("resolver: asked again when told so", "[resolver]") {
    DnsServer dns;
    dns.set({.v4 = {"127.0.0.1"}, .ttl_s = 3600});
    Resolver resolver("x", "alb.test", 80, options(dns, 10 * ms, never));
    dns.set({.v4 = {"127.0.0.2"}, .ttl_s = 3600});
    std::this_thread::sleep_for(100ms);
    CHECK(resolver.version() == 1);
    resolver.again();
    REQUIRE(soon([&] { return resolver.version() == 2; }));
    CHECK(texts(resolver) == Texts{"127.0.0.2:80"});
    std::this_thread::sleep_for(100ms);
    CHECK(resolver.counters()[Counter::resolutions] == 1);  // once
}

// ---- failures

TEST_CASE("resolver: a name that can't be resolved at the start", "[resolver]") {
    DnsServer dns;
    const auto sentence = [&dns](const DnsZone& zone) {
        dns.set(zone);
        try {
            Resolver("http://alb.test", "alb.test", 80, options(dns));
        } catch (const Error& error) {
            CHECK(error.exit_status == ExitStatus::runtime);
            return std::string(error.what());
        }
        return std::string("it was");
    };
    CHECK(sentence({.error = 3}).starts_with("output http://alb.test: cannot resolve alb.test: "));
    CHECK(sentence({.error = 2}).starts_with("output http://alb.test: cannot resolve alb.test: "));
    CHECK(sentence({}).starts_with("output http://alb.test: cannot resolve alb.test: "));
}

TEST_CASE("resolver: when it fails later, the last addresses stay, and it is tried again", "[resolver]") {
    DnsServer dns;
    dns.set({.v4 = {"127.0.0.1"}, .ttl_s = 0});
    Resolver resolver("x", "alb.test", 80, options(dns, 10 * ms, 20 * ms));
    dns.set({.error = GENERATE(2, 3)});
    REQUIRE(soon([&] { return resolver.counters()[Counter::resolve_failures] >= 2; }));
    CHECK(texts(resolver) == Texts{"127.0.0.1:80"});
    CHECK(resolver.version() == 1);
    dns.set({.v4 = {"127.0.0.2"}, .ttl_s = 3600});
    CHECK(soon([&] { return resolver.version() == 2; }));
}

TEST_CASE("resolver: it may go while a silent server is asked", "[resolver]") {
    DnsServer dns;
    dns.set({.v4 = {"127.0.0.1"}, .ttl_s = 0});
    const auto begin = std::chrono::steady_clock::now();
    {
        Resolver resolver("x", "alb.test", 80, options(dns, 10 * ms, 10 * ms));
        dns.set({.silent = true});
        const std::size_t before = dns.questions();
        REQUIRE(soon([&] { return dns.questions() > before; }));
    }
    CHECK(std::chrono::steady_clock::now() - begin < 9s);  // c-ares alone would wait for 12
}
