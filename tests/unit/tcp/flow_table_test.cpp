// SPDX-License-Identifier: Apache-2.0
// - insert, find, erase; a full table refuses; memory of erased flows is used again, and fresh
// - hashes that collide wholly, in their index only, in their tag only; chains over the end of the index
// - at random against std::unordered_map, with such hashes; references stay where they are
#include "tcp/flow_table.h"

#include <array>
#include <random>
#include <unordered_map>
#include <vector>

#include "support/catch.h"

using rebuilder::packet::FlowKey;
using rebuilder::tcp::FlowTable;
using rebuilder::tcp::no_index;
using rebuilder::tcp::TimerLink;

namespace {

struct TestFlow {
    FlowKey key;
    std::uint32_t home : rebuilder::tcp::home_bits = 0;
    TimerLink timer;
    std::uint64_t value = 0;
};

FlowKey key_of(std::uint32_t number) {
    FlowKey key;
    key.low_address.low = number;
    key.vni = number % 3;
    return key;
}

}  // namespace

TEST_CASE("flow table: enters, finds and forgets", "[flow_table]") {
    FlowTable<TestFlow> table(4);
    CHECK(table.max_flows() == 4);
    CHECK(table.size() == 0);
    CHECK(table.find(key_of(1), 99) == nullptr);
    TestFlow* flow = table.insert(key_of(1), 99);
    REQUIRE(flow != nullptr);
    CHECK(flow->key == key_of(1));
    CHECK(flow->home == 99 % 8);  // of an index with twice as many entries
    CHECK(flow->value == 0);
    CHECK(table.size() == 1);
    CHECK(table.find(key_of(1), 99) == flow);
    CHECK(table.find(key_of(2), 99) == nullptr);  // the hash alone does not make a flow
    CHECK(&table[table.index_of(*flow)] == flow);
    CHECK(&table.timer(table.index_of(*flow)) == &flow->timer);
    flow->value = 7;
    table.erase(*flow);
    CHECK(table.size() == 0);
    CHECK(table.find(key_of(1), 99) == nullptr);
    TestFlow* again = table.insert(key_of(1), 99);
    REQUIRE(again == flow);
    CHECK(again->value == 0);
    CHECK(again->timer.slot == no_index);
    CHECK(again->timer.next == no_index);
}

TEST_CASE("flow table: full, then not", "[flow_table]") {
    const std::size_t size = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{100});
    const std::uint64_t hash_step = GENERATE(std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{0x9e3779b97f4a7c15});
    FlowTable<TestFlow> table(size);
    std::vector<TestFlow*> flows;
    for (std::uint32_t i = 0; i < size; ++i) {
        flows.push_back(table.insert(key_of(i), i * hash_step));
        REQUIRE(flows.back() != nullptr);
    }
    CHECK(table.insert(key_of(1000), 5) == nullptr);
    CHECK(table.size() == size);
    for (std::uint32_t i = 0; i < size; ++i) CHECK(table.find(key_of(i), i * hash_step) == flows[i]);
    CHECK(table.find(key_of(1000), 5) == nullptr);

    const std::uint32_t middle = static_cast<std::uint32_t>(size / 2);
    table.erase(*flows[middle]);
    CHECK(table.insert(key_of(1000), 5) == flows[middle]);
    CHECK(table.insert(key_of(1001), 5) == nullptr);
    for (std::uint32_t i = 0; i < size; ++i) {
        CHECK(table.find(key_of(i), i * hash_step) == (i == middle ? nullptr : flows[i]));
    }
    CHECK(table.find(key_of(1000), 5) == flows[middle]);
}

TEST_CASE("flow table: erasing any of a chain over the end leaves the others", "[flow_table]") {
    // 8 flows: an index of 16 entries. Homes 14, 14, 15, 15, 0, 14, 1: one run from 14 to 4.
    constexpr std::array<std::uint64_t, 7> homes{14, 14, 15, 15, 0, 14, 1};
    for (std::uint32_t first = 0; first < homes.size(); ++first) {
        for (std::uint32_t second = 0; second < homes.size(); ++second) {
            FlowTable<TestFlow> table(8);
            std::vector<TestFlow*> flows;
            for (std::uint32_t i = 0; i < homes.size(); ++i) flows.push_back(table.insert(key_of(i), homes[i]));
            table.erase(*flows[first]);
            if (second != first) table.erase(*flows[second]);
            INFO("without " << first << " and " << second);
            for (std::uint32_t i = 0; i < homes.size(); ++i) {
                const bool gone = i == first || i == second;
                CHECK(table.find(key_of(i), homes[i]) == (gone ? nullptr : flows[i]));
            }
        }
    }
}

TEST_CASE("flow table: at random, against an unordered map", "[flow_table]") {
    constexpr std::uint32_t keys = 300;
    const std::uint32_t seed = GENERATE(1u, 2u, 3u);
    const std::uint32_t spread = GENERATE(1u, 6u, 1000u);  // of hashes: one, six near the end of the index, many
    INFO("seed " << seed << " spread " << spread);
    std::mt19937_64 random(seed);
    std::vector<std::uint64_t> hashes(keys);
    for (std::uint64_t& hash : hashes) hash = ((random() % 2) << 32) | (random() % spread + 252);  // index of 256
    FlowTable<TestFlow> table(100);
    std::unordered_map<std::uint32_t, TestFlow*> model;
    for (int step = 0; step < 40'000; ++step) {
        const std::uint32_t number = static_cast<std::uint32_t>(random() % keys);
        const auto known = model.find(number);
        TestFlow* found = table.find(key_of(number), hashes[number]);
        REQUIRE(found == (known == model.end() ? nullptr : known->second));
        if (known == model.end()) {
            TestFlow* flow = table.insert(key_of(number), hashes[number]);
            REQUIRE((flow == nullptr) == (model.size() == 100));
            if (flow == nullptr) continue;
            REQUIRE(flow->value == 0);
            flow->value = number + 1;
            model[number] = flow;
        } else if (random() % 2 == 0 || model.size() > 95) {
            REQUIRE(found->value == number + 1);
            table.erase(*found);
            model.erase(known);
        }
        REQUIRE(table.size() == model.size());
    }
    for (std::uint32_t number = 0; number < keys; ++number) {
        const auto known = model.find(number);
        CHECK(table.find(key_of(number), hashes[number]) == (known == model.end() ? nullptr : known->second));
    }
}

TEST_CASE("flow table: memory is what the limits say", "[flow_table]") {
    const FlowTable<TestFlow> table(1000);
    CHECK(table.mapped_bytes() == 2048 * 8 + 1000 * sizeof(TestFlow));
}
