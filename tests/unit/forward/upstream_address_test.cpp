// SPDX-License-Identifier: Apache-2.0
#include "forward/upstream_address.h"

#include <netinet/in.h>

#include "support/catch.h"

using namespace rebuilder;
using forward::UpstreamAddress;

namespace {

constexpr std::uint64_t ms = 1'000'000;

UpstreamAddress some_address() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    return UpstreamAddress(*forward::SocketAddress::from(reinterpret_cast<const sockaddr*>(&address), sizeof(address)));
}

// How long after `from` the address may be tried again.
std::uint64_t delay_ms(const UpstreamAddress& address, std::uint64_t from) {
    std::uint64_t delay = 0;
    while (!address.may_try(from + delay * ms)) ++delay;
    return delay;
}

}  // namespace

TEST_CASE("upstream address: the delay doubles from 50 ms, with jitter, and stays below 2 s", "[forward]") {
    std::minstd_rand random(1);
    UpstreamAddress address = some_address();
    std::uint64_t now = 1000 * ms;
    CHECK(address.may_try(now));
    for (const std::uint64_t expected : {50u, 100u, 200u, 400u, 800u, 1500u, 1500u, 1500u}) {
        address.trying();
        address.refused(now, now, random);
        const std::uint64_t delay = delay_ms(address, now);
        CHECK(delay >= expected * 3 / 4);
        CHECK(delay <= expected * 5 / 4 + 1);
        CHECK(delay < 2000);
        now += delay * ms;
    }
    address.reached();
    CHECK(address.may_try(now));
    address.refused(now, now, random);
    CHECK(delay_ms(address, now) < 70);
}

TEST_CASE("upstream address: a failing one is tried by one at a time", "[forward]") {
    std::minstd_rand random(1);
    UpstreamAddress address = some_address();
    address.trying();
    CHECK(address.may_try(0));  // nothing is known against it
    address.refused(0, 0, random);
    CHECK(address.may_try(100 * ms));
    address.trying();
    CHECK_FALSE(address.may_try(10'000 * ms));
    address.reached();
    CHECK(address.may_try(0));
}

TEST_CASE("upstream address: attempts side by side fail once", "[forward]") {
    std::minstd_rand random(1);
    UpstreamAddress address = some_address();
    const std::uint64_t start = 1000 * ms;
    for (int i = 0; i < 8; ++i) address.refused(start, start + 20 * ms, random);
    CHECK(delay_ms(address, start) < 70);
}

TEST_CASE("upstream address: an attempt that took long is not waited for twice", "[forward]") {
    std::minstd_rand random(1);
    UpstreamAddress address = some_address();
    address.refused(1000 * ms, 6000 * ms, random);
    CHECK(address.may_try(6000 * ms));
}

TEST_CASE("upstream address: a drain tries once more at once", "[forward]") {
    std::minstd_rand random(1);
    UpstreamAddress address = some_address();
    address.refused(0, 0, random);
    CHECK_FALSE(address.may_try(1));
    address.begin_drain();
    CHECK(address.may_try(1));
    CHECK_FALSE(address.refused_in_drain());
    address.refused(1, 1, random);
    CHECK(address.refused_in_drain());
}
