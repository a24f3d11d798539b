// SPDX-License-Identifier: Apache-2.0
// - both directions have one key, opposite sides, and the endpoints come back out
// - each field is part of the identity and of the hash
// - IPv4 and IPv6 addresses are told apart
#include "packet/flow_key.h"

#include <set>
#include <vector>

#include "support/catch.h"

using namespace rebuilder;
using namespace rebuilder::packet;

namespace {

constexpr Endpoint v4(std::uint32_t address, std::uint16_t port) {
    return {IpAddress::v4(address), port};
}

}  // namespace

TEST_CASE("flow key: both directions are one flow", "[flow_key]") {
    struct Pair {
        Endpoint a;
        Endpoint b;
    };
    const std::vector<Pair> pairs{
        {v4(1, 80), v4(2, 40000)},
        {v4(1, 40000), v4(2, 80)},
        {v4(0xffffffff, 1), v4(0x7fffffff, 1)},
        {v4(5, 1), v4(5, 2)},  // told apart by the port only
        {v4(5, 1), {{0x20010db800000000, 1}, 1}},
        {{{0x20010db800000000, 1}, 9}, {{0x20010db800000000, 2}, 3}},
        {{{0x8000000000000000, 0}, 9}, {{0x7fffffffffffffff, ~0ull}, 3}},
    };
    for (const Pair& pair : pairs) {
        FlowKey there;
        FlowKey back;
        const Side side = FlowKey::make(pair.a, pair.b, 7, there);
        CHECK(FlowKey::make(pair.b, pair.a, 7, back) == opposite(side));
        CHECK(there == back);
        CHECK(there.hash({1, 2}) == back.hash({1, 2}));
        CHECK(there.endpoint(side) == pair.a);
        CHECK(there.endpoint(opposite(side)) == pair.b);
        CHECK(there.endpoint(Side::low) < there.endpoint(Side::high));
        CHECK(there.vni == 7);
    }
}

TEST_CASE("flow key: a connection to itself has two equal endpoints", "[flow_key]") {
    FlowKey key;
    CHECK(FlowKey::make(v4(5, 5), v4(5, 5), 7, key) == Side::low);
    CHECK(key.endpoint(Side::low) == key.endpoint(Side::high));
}

TEST_CASE("flow key: each part makes another flow and another hash", "[flow_key]") {
    std::vector<FlowKey> keys(7);
    FlowKey::make(v4(1, 80), v4(2, 40000), 7, keys[0]);
    FlowKey::make(v4(1, 80), v4(2, 40000), 8, keys[1]);
    FlowKey::make(v4(1, 80), v4(2, 40001), 7, keys[2]);
    FlowKey::make(v4(1, 81), v4(2, 40000), 7, keys[3]);
    FlowKey::make(v4(1, 80), v4(3, 40000), 7, keys[4]);
    FlowKey::make(v4(0, 80), v4(2, 40000), 7, keys[5]);
    FlowKey::make(v4(1, 80), v4(2, 40000), no_vni, keys[6]);
    std::set<std::uint64_t> hashes;
    for (const FlowKey& key : keys) {
        hashes.insert(key.hash({1, 2}));
        CHECK(key.hash({1, 2}) == key.hash({1, 2}));
        CHECK(key.hash({1, 2}) != key.hash({1, 3}));
    }
    CHECK(hashes.size() == keys.size());
    for (std::size_t i = 1; i < keys.size(); ++i) CHECK_FALSE(keys[i] == keys[0]);
}

TEST_CASE("flow key: IPv4 addresses", "[flow_key]") {
    CHECK(IpAddress::v4(0x01020304).is_v4());
    CHECK(IpAddress::v4(0xfffefdfc).v4_address() == 0xfffefdfc);
    CHECK_FALSE(IpAddress{}.is_v4());
    CHECK_FALSE((IpAddress{1, 0x0000ffff01020304}.is_v4()));
    CHECK_FALSE((IpAddress{0, 0x0001ffff01020304}.is_v4()));
    CHECK_FALSE((IpAddress{0x20010db800000000, 1}.is_v4()));
}
