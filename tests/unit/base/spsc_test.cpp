// SPDX-License-Identifier: Apache-2.0
// - capacity is rounded up to a power of two, and is what fits
// - a full ring refuses and keeps what it has; an empty one refuses
// - order is kept over many laps, with every fill level
// - two threads: every value once, in order (to be run under TSan too)
#include "base/spsc.h"

#include <atomic>
#include <cstdint>
#include <thread>

#include "support/catch.h"

using rebuilder::SpscRing;

TEST_CASE("spsc: capacity is a power of two that holds what was asked", "[spsc]") {
    CHECK(SpscRing<int>(1).capacity() == 1);
    CHECK(SpscRing<int>(2).capacity() == 2);
    CHECK(SpscRing<int>(3).capacity() == 4);
    CHECK(SpscRing<int>(1000).capacity() == 1024);
}

TEST_CASE("spsc: full and empty are refused and change nothing", "[spsc]") {
    const std::size_t capacity = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{8});
    SpscRing<std::uint32_t> ring(capacity);
    std::uint32_t value = 77;
    CHECK_FALSE(ring.pop(value));
    CHECK(value == 77);
    CHECK(ring.size() == 0);

    for (std::uint32_t i = 0; i < capacity; ++i) REQUIRE(ring.push(i));
    CHECK(ring.size() == capacity);
    CHECK_FALSE(ring.push(1000));
    CHECK(ring.size() == capacity);

    for (std::uint32_t i = 0; i < capacity; ++i) {
        REQUIRE(ring.pop(value));
        CHECK(value == i);
    }
    CHECK_FALSE(ring.pop(value));
    CHECK(ring.size() == 0);
}

TEST_CASE("spsc: order is kept over many laps at every fill level", "[spsc]") {
    SpscRing<std::uint32_t> ring(8);
    std::uint32_t pushed = 0;
    std::uint32_t popped = 0;
    for (std::uint32_t fill = 1; fill <= 8; ++fill) {
        for (int lap = 0; lap < 50; ++lap) {
            while (ring.size() < fill) REQUIRE(ring.push(pushed++));
            const std::uint32_t keep = static_cast<std::uint32_t>(lap) % fill;
            std::uint32_t value = 0;
            while (ring.size() > keep) {
                REQUIRE(ring.pop(value));
                REQUIRE(value == popped++);
            }
        }
    }
    CHECK(pushed > 8 * 50);
}

TEST_CASE("spsc: two threads pass every value once and in order", "[spsc][threads]") {
    struct Value {
        std::uint64_t number;
        std::uint64_t check;  // a value read half written would not fit together
        std::uint64_t more[4];
    };
    constexpr std::uint64_t values = 300'000;
    const std::size_t capacity = GENERATE(std::size_t{1}, std::size_t{16}, std::size_t{1024});
    SpscRing<Value> ring(capacity);
    std::atomic<std::uint64_t> refused{0};

    std::thread producer([&] {
        for (std::uint64_t i = 0; i < values;) {
            if (ring.push({i, ~i, {i, i + 1, i + 2, i + 3}})) {
                ++i;
            } else {
                refused.fetch_add(1, std::memory_order_relaxed);
                std::this_thread::yield();
            }
        }
    });

    std::uint64_t wrong = 0;
    for (std::uint64_t i = 0; i < values;) {
        Value value{};
        if (!ring.pop(value)) {
            std::this_thread::yield();
            continue;
        }
        if (value.number != i || value.check != ~i || value.more[3] != i + 3) ++wrong;
        ++i;
    }
    producer.join();
    INFO("refused while full: " << refused.load());
    CHECK(wrong == 0);
    Value value{};
    CHECK_FALSE(ring.pop(value));
    CHECK(ring.size() == 0);
}
