// SPDX-License-Identifier: Apache-2.0
// The clock against a fake counter and a fake kernel: meets the kernel's time, never goes back, never
// overflows.
#include "nic/clock.h"

#include <cstdint>
#include <cstdlib>

#include "support/catch.h"

using namespace rebuilder::nic;

namespace {

constexpr std::uint64_t second = 1'000'000'000;
constexpr std::uint64_t epoch = 1'700'000'000 * second;

struct World {
    std::uint64_t ticks = 123'456'789'000;
    std::uint64_t monotonic_ns = 5 * second;
    std::uint64_t wall_ns = epoch;
    std::uint64_t nominal_rate = 3'000'000'000;
};

struct FakeTime {
    World* world;
    [[nodiscard]] std::uint64_t ticks() const noexcept { return world->ticks; }
    [[nodiscard]] std::uint64_t ticks_per_second() const noexcept { return world->nominal_rate; }
    [[nodiscard]] std::uint64_t wall_ns() const noexcept { return world->wall_ns; }
    [[nodiscard]] std::uint64_t monotonic_ns() const noexcept { return world->monotonic_ns; }
};

std::uint64_t distance(std::uint64_t a, std::uint64_t b) {
    return a > b ? a - b : b - a;
}

}  // namespace

TEST_CASE("time starts at the wall clock and runs at the counter's rate") {
    World world;
    BasicClock clock(FakeTime{&world});
    CHECK(clock.now() == epoch);
    world.ticks += 30'000'000;
    world.monotonic_ns += 10'000'000;
    CHECK(distance(clock.now(), epoch + 10'000'000) < 10);
}

TEST_CASE("a counter whose rate was guessed wrong still keeps the kernel's time") {
    for (const std::uint64_t real_rate : {2'990'000'000ull, 3'010'000'000ull, 2'000'000'000ull}) {
        World world;
        BasicClock clock(FakeTime{&world});
        std::uint64_t before = clock.now();
        std::uint64_t worst = 0;
        for (int millisecond = 0; millisecond < 60'000; ++millisecond) {
            world.ticks += real_rate / 1000;
            world.monotonic_ns += 1'000'000;
            const std::uint64_t now = clock.now();
            REQUIRE(now >= before);
            before = now;
            if (millisecond > 2000) worst = std::max(worst, distance(now, epoch + world.monotonic_ns - 5 * second));
        }
        CAPTURE(real_rate);
        CHECK(worst < 10'000);
    }
}

TEST_CASE("a wall clock that is set while we run changes nothing") {
    World world;
    BasicClock clock(FakeTime{&world});
    world.wall_ns += 3600 * second;
    world.ticks += 3 * world.nominal_rate;
    world.monotonic_ns += 3 * second;
    CHECK(distance(clock.now(), epoch + 3 * second) < 1000);
}

TEST_CASE("time does not go back when the thread moves to a CPU whose counter is behind") {
    World world;
    BasicClock clock(FakeTime{&world});
    world.ticks += 1000;
    const std::uint64_t before = clock.now();
    world.ticks -= 900;
    CHECK(clock.now() == before);
    world.ticks -= 500;
    CHECK(clock.now() == before);
}

TEST_CASE("a year between two looks does not overflow") {
    World world;
    BasicClock clock(FakeTime{&world});
    constexpr std::uint64_t year = 365ull * 24 * 3600;
    world.ticks += year * world.nominal_rate;
    world.monotonic_ns += year * second;
    CHECK(distance(clock.now(), epoch + year * second) < second);
}

TEST_CASE("a pause between reading the counter and the kernel's time is made up for") {
    World world;
    BasicClock clock(FakeTime{&world});
    std::uint64_t before = clock.now();
    for (int step = 0; step < 5000; ++step) {
        world.ticks += world.nominal_rate / 1000;
        world.monotonic_ns += 1'000'000;
        if (step == 1000) world.monotonic_ns += 4'000'000;  // the counter lost 4 ms, once
        const std::uint64_t now = clock.now();
        REQUIRE(now >= before);
        before = now;
    }
    CHECK(distance(before, epoch + world.monotonic_ns - 5 * second) < 10'000);
}

TEST_CASE("a counter that begins again, as behind a hibernation, doesn't stop the time") {
    World world;
    BasicClock clock(FakeTime{&world});
    std::uint64_t before = clock.now();
    world.ticks = 1'000;
    world.monotonic_ns += 7 * second;
    for (int step = 0; step < 5000; ++step) {
        const std::uint64_t now = clock.now();
        REQUIRE(now >= before);
        REQUIRE(distance(now, epoch + world.monotonic_ns - 5 * second) < second / 100);
        before = now;
        world.ticks += world.nominal_rate / 1000;
        world.monotonic_ns += 1'000'000;
    }
}
