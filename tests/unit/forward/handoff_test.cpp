// SPDX-License-Identifier: Apache-2.0
// The channel between a worker and a forwarder:
//   - slots come out as they went in, and come back
//   - full, over its quota: shed, counted by the reason, and taken again once there is room
//   - two threads
#include "forward/handoff.h"

#include <deque>
#include <thread>
#include <vector>

#include "support/catch.h"

using namespace rebuilder;
using forward::Channel;
using forward::Slot;

namespace {

Slot slot_of(std::uint64_t number, std::uint32_t blocks = 1) {
    return {
        .first = nullptr, .bytes = number, .blocks = blocks, .head_request = number % 2 == 0, .time_ns = number * 3};
}

}  // namespace

TEST_CASE("slots come out in order and as they were", "[handoff]") {
    Channel channel(8, 100);
    Slot out;
    CHECK_FALSE(channel.take(out));
    CHECK_FALSE(channel.reclaim(out));
    for (std::uint64_t round = 0; round < 50; ++round) {
        for (std::uint64_t i = 0; i < 5; ++i) CHECK(channel.offer(slot_of(round * 5 + i, 2)) == Counter::handed_off);
        CHECK(channel.waiting() == 5);
        for (std::uint64_t i = 0; i < 5; ++i) {
            REQUIRE(channel.take(out));
            CHECK(out.bytes == round * 5 + i);
            CHECK(out.blocks == 2);
            CHECK(out.head_request == (out.bytes % 2 == 0));
            CHECK(out.time_ns == out.bytes * 3);
            channel.give_back(out);
        }
        CHECK_FALSE(channel.take(out));
        for (std::uint64_t i = 0; i < 5; ++i) {
            REQUIRE(channel.reclaim(out));
            CHECK(out.bytes == round * 5 + i);
        }
        CHECK_FALSE(channel.reclaim(out));
    }
    CHECK(channel.handing()[Counter::handed_off] == 250);
    CHECK(channel.handing().read().sum(CounterRole::request_shed) == 0);
}

TEST_CASE("a full queue sheds, until one is taken", "[handoff]") {
    Channel channel(4, 1000);
    REQUIRE(channel.capacity() == 4);
    for (std::uint64_t i = 0; i < 4; ++i) CHECK(channel.offer(slot_of(i)) == Counter::handed_off);
    CHECK(channel.offer(slot_of(4)) == Counter::shed_queue_full);
    CHECK(channel.offer(slot_of(5)) == Counter::shed_queue_full);
    Slot out;
    REQUIRE(channel.take(out));
    CHECK(out.bytes == 0);  // the newest was shed, not the oldest
    CHECK(channel.offer(slot_of(6)) == Counter::handed_off);
    CHECK(channel.handing()[Counter::handed_off] == 5);
    CHECK(channel.handing()[Counter::shed_queue_full] == 2);
}

TEST_CASE("the quota is blocks that are out, wherever they are", "[handoff]") {
    Channel channel(100, 10);
    CHECK(channel.offer(slot_of(0, 11)) == Counter::shed_quota);
    CHECK(channel.offer(slot_of(1, 4)) == Counter::handed_off);
    CHECK(channel.offer(slot_of(2, 6)) == Counter::handed_off);
    CHECK(channel.offer(slot_of(3, 1)) == Counter::shed_quota);
    Slot out;
    REQUIRE(channel.take(out));
    CHECK(channel.offer(slot_of(4, 1)) == Counter::shed_quota);  // taken, but not given back
    channel.give_back(out);
    CHECK(channel.offer(slot_of(5, 1)) == Counter::shed_quota);  // given back, but not reclaimed
    REQUIRE(channel.reclaim(out));
    CHECK(out.bytes == 1);
    CHECK(channel.offer(slot_of(6, 5)) == Counter::shed_quota);
    CHECK(channel.offer(slot_of(7, 4)) == Counter::handed_off);
    CHECK(channel.offer(slot_of(8, 1)) == Counter::shed_quota);
    CHECK(channel.handing()[Counter::shed_quota] == 6);
    CHECK(channel.handing()[Counter::handed_off] == 3);
}

TEST_CASE("what a full queue refuses does not count towards the quota", "[handoff]") {
    Channel channel(1, 10);
    CHECK(channel.offer(slot_of(0, 4)) == Counter::handed_off);
    for (std::uint64_t i = 0; i < 20; ++i) CHECK(channel.offer(slot_of(1, 4)) == Counter::shed_queue_full);
    Slot out;
    REQUIRE(channel.take(out));
    CHECK(channel.offer(slot_of(2, 6)) == Counter::handed_off);
}

TEST_CASE("every slot that was taken finds its way back", "[handoff]") {
    // As many slots out as the quota lets be, none reclaimed meanwhile.
    Channel channel(1, 37);
    Slot out;
    for (std::uint64_t i = 0; i < 37; ++i) {
        REQUIRE(channel.offer(slot_of(i)) == Counter::handed_off);
        REQUIRE(channel.take(out));
        channel.give_back(out);
    }
    CHECK(channel.offer(slot_of(37)) == Counter::shed_quota);
    for (std::uint64_t i = 0; i < 37; ++i) {
        REQUIRE(channel.reclaim(out));
        CHECK(out.bytes == i);
    }
    CHECK_FALSE(channel.reclaim(out));
}

TEST_CASE("a worker and a forwarder on two threads", "[handoff][threads]") {
    // The forwarder reads what the worker wrote; the worker reuses memory once it is back.
    constexpr std::uint64_t rounds = 200'000;
    constexpr std::size_t memory = 24;
    Channel channel(8, 16);
    BlockPool pool(128, memory);
    std::uint64_t taken = 0;
    std::uint64_t wrong = 0;
    std::atomic<bool> done{false};
    std::thread forwarder([&] {
        std::deque<Slot> kept;  // some are given back late
        Slot slot;
        for (;;) {
            const bool last = done.load(std::memory_order_acquire);
            if (channel.take(slot)) {
                std::uint64_t value = 0;
                std::memcpy(&value, slot.first->data(), sizeof value);
                wrong += value != slot.bytes;
                ++taken;
                kept.push_back(slot);
            } else if (last) {
                break;
            }
            while (kept.size() > (last ? 0 : taken % 5)) {
                channel.give_back(kept.front());
                kept.pop_front();
            }
        }
        for (const Slot& each : kept) channel.give_back(each);
    });
    const auto reclaim = [&] {
        Slot slot;
        while (channel.reclaim(slot)) {
            std::memset(slot.first->data(), 0xee, 8);
            pool.give(slot.first);
        }
    };
    std::uint64_t handed = 0;
    for (std::uint64_t i = 0; i < rounds; ++i) {
        reclaim();
        Block* block = pool.take();
        if (block == nullptr) continue;
        std::memcpy(block->data(), &i, sizeof i);
        if (channel.offer({.first = block, .bytes = i, .blocks = 1}) == Counter::handed_off) {
            ++handed;
        } else {
            pool.give(block);
        }
    }
    done.store(true, std::memory_order_release);
    forwarder.join();
    reclaim();
    CHECK(wrong == 0);
    CHECK(taken == handed);
    CHECK(handed == channel.handing()[Counter::handed_off]);
    CHECK(handed > 0);
    CHECK(pool.available() == memory);
}
