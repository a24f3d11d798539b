// SPDX-License-Identifier: Apache-2.0
// - a deadline comes back not before it, and at most a tick behind it; one in the past with the next tick
// - beyond the horizon: at the horizon. A clock that starts at zero, and one that starts late
// - long silences, a budget smaller than a slot, scheduling again from within expire()
// - cancel of the first, a middle, the last and the only record of a slot
// - soonest() and later_than()
// - at random against a list of deadlines
#include "tcp/timing_wheel.h"

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "support/catch.h"

using rebuilder::tcp::no_index;
using rebuilder::tcp::TimerLink;
using rebuilder::tcp::TimingWheel;

namespace {

struct Records {
    explicit Records(std::size_t size) : links(size) {}
    TimerLink& timer(std::uint32_t index) { return links[index]; }
    std::vector<TimerLink> links;
};

using Wheel = TimingWheel<Records>;
constexpr std::uint64_t tick = Wheel::tick_ns;
constexpr std::uint64_t horizon = (Wheel::slots - 1) * tick;
constexpr std::uint64_t start = 1'700'000'000ull * 1'000'000'000;

std::vector<std::uint32_t> expired(Wheel& wheel, std::uint64_t now, std::size_t budget = 1'000'000) {
    std::vector<std::uint32_t> out;
    wheel.expire(now, budget, [&](std::uint32_t index) { out.push_back(index); });
    std::sort(out.begin(), out.end());
    return out;
}

using List = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("timing wheel: never early, at most one tick late", "[timing_wheel]") {
    const std::uint64_t begin = GENERATE(std::uint64_t{start}, start + 1, start + tick - 1, std::uint64_t{3 * tick});
    const std::uint64_t after =
        GENERATE(std::uint64_t{0}, std::uint64_t{1}, tick - 1, tick, tick + 1, 17 * tick + 5, horizon - tick);
    Records records(1);
    Wheel wheel(records);
    const std::uint64_t deadline = begin + after;
    wheel.schedule(0, deadline, begin);
    for (std::uint64_t now = begin; now < deadline;
         now += std::max<std::uint64_t>(std::min(tick / 3, deadline - now), 1)) {
        REQUIRE(expired(wheel, now).empty());
    }
    CHECK(expired(wheel, deadline + tick) == List{0});
    CHECK(records.links[0].slot == no_index);
    CHECK(expired(wheel, deadline + 5 * tick).empty());
}

TEST_CASE("timing wheel: a deadline in the past expires with the next tick", "[timing_wheel]") {
    Records records(4);
    Wheel wheel(records);
    wheel.schedule(0, start - 50 * tick, start);
    wheel.schedule(1, 0, start);
    wheel.schedule(2, start - tick, start);
    wheel.schedule(3, start - 1, start);
    CHECK(expired(wheel, start).empty());
    CHECK(expired(wheel, start + tick) == List{0, 1, 2, 3});
}

TEST_CASE("timing wheel: beyond the horizon a record comes back at the horizon", "[timing_wheel]") {
    Records records(1);
    Wheel wheel(records);
    wheel.schedule(0, start + 10 * horizon, start);
    CHECK(expired(wheel, start + horizon - tick).empty());
    CHECK(expired(wheel, start + horizon) == List{0});
}

TEST_CASE("timing wheel: a clock that starts at zero", "[timing_wheel]") {
    Records records(2);
    Wheel wheel(records);
    wheel.schedule(0, 5 * tick, 0);
    SECTION("expires after a silence") {
        CHECK(expired(wheel, 20 * tick) == List{0});
    }
    SECTION("expires after another was scheduled") {
        wheel.schedule(1, 30 * tick, 20 * tick);
        CHECK(expired(wheel, 20 * tick) == List{0});
    }
    SECTION("expires when time passes in steps") {
        CHECK(expired(wheel, tick / 2).empty());
        CHECK(expired(wheel, 4 * tick).empty());
        CHECK(expired(wheel, 6 * tick) == List{0});
    }
}

TEST_CASE("timing wheel: a long silence loses nothing", "[timing_wheel]") {
    const std::uint64_t silence =
        GENERATE(horizon - tick, horizon, horizon + tick, horizon + 2 * tick, 7 * horizon + 3 * tick, start);
    constexpr std::uint32_t count = 3000;
    Records records(count);
    Wheel wheel(records);
    for (std::uint32_t i = 0; i < count; ++i) wheel.schedule(i, start + i * (horizon - 2 * tick) / count, start);
    const List all = expired(wheel, start + silence);
    REQUIRE(all.size() == count);
    CHECK(wheel.soonest() == no_index);
}

TEST_CASE("timing wheel: the budget bounds a call, and the rest comes with the next", "[timing_wheel]") {
    Records records(10);
    Wheel wheel(records);
    for (std::uint32_t i = 0; i < 6; ++i) wheel.schedule(i, start + tick, start);
    for (std::uint32_t i = 6; i < 10; ++i) wheel.schedule(i, start + 3 * tick, start);
    const std::uint64_t now = start + 10 * tick;
    CHECK(expired(wheel, now, 0).empty());
    List all;
    for (const std::size_t expected : {4u, 4u, 2u, 0u}) {
        const List some = expired(wheel, now, 4);
        CHECK(some.size() == expected);
        all.insert(all.end(), some.begin(), some.end());
    }
    std::sort(all.begin(), all.end());
    CHECK(all == List{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("timing wheel: while the budget holds it back, new deadlines are still kept", "[timing_wheel]") {
    Records records(4);
    Wheel wheel(records);
    wheel.schedule(0, start + tick, start);
    wheel.schedule(1, start + tick, start);
    const std::uint64_t now = start + 500 * tick;
    REQUIRE(expired(wheel, now, 1).size() == 1);
    wheel.schedule(2, now + 3 * tick, now);
    wheel.schedule(3, now + 900 * tick, now);  // beyond the horizon of the wheel's own, older time
    CHECK(expired(wheel, now).size() == 1);
    CHECK(expired(wheel, now + 2 * tick).empty());
    CHECK(expired(wheel, now + 4 * tick) == List{2});
    // 3 may come early only because it was beyond the horizon; its owner schedules it again.
    const List early = expired(wheel, now + 899 * tick);
    if (!early.empty()) wheel.schedule(3, now + 900 * tick, now + 899 * tick);
    CHECK(expired(wheel, now + 901 * tick) == List{3});
}

TEST_CASE("timing wheel: a record may be scheduled again, or another cancelled, from within expire", "[timing_wheel]") {
    Records records(3);
    Wheel wheel(records);
    for (std::uint32_t i = 0; i < 3; ++i) wheel.schedule(i, start, start);
    int calls = 0;
    const std::uint64_t now = start + tick;
    wheel.expire(now, 100, [&](std::uint32_t index) {
        ++calls;
        CHECK(records.links[index].slot == no_index);
        wheel.schedule(index, now + 10 * tick, now);
        wheel.cancel((index + 1) % 3);
    });
    CHECK(calls >= 1);
    CHECK(calls <= 3);
    const std::size_t left = static_cast<std::size_t>(std::count_if(
        records.links.begin(), records.links.end(), [](const TimerLink& link) { return link.slot != no_index; }));
    CHECK(expired(wheel, now + 10 * tick - 1).empty());
    CHECK(expired(wheel, now + 12 * tick).size() == left);
}

TEST_CASE("timing wheel: cancel in any position of a slot", "[timing_wheel]") {
    Records records(5);
    Wheel wheel(records);
    const std::uint32_t count = GENERATE(1u, 2u, 3u, 5u);
    for (std::uint32_t victim = 0; victim < count; ++victim) {
        List rest;
        for (std::uint32_t i = 0; i < count; ++i) {
            wheel.schedule(i, start + 5 * tick, start);
            if (i != victim) rest.push_back(i);
        }
        wheel.cancel(victim);
        CHECK(records.links[victim].slot == no_index);
        wheel.cancel(victim);  // again: nothing happens
        CHECK((wheel.soonest() == no_index) == rest.empty());
        List found;
        Wheel copy = wheel;  // the links are the records': expire through one wheel only
        copy.expire(start + 7 * tick, 100, [&](std::uint32_t index) { found.push_back(index); });
        std::sort(found.begin(), found.end());
        CHECK(found == rest);
        for (TimerLink& link : records.links) link = {};
        new (&wheel) Wheel(records);
    }
}

TEST_CASE("timing wheel: soonest is of the earliest slot, across the end of the array", "[timing_wheel]") {
    Records records(1000);
    // Starting at each slot in turn also tries each bit and word of the map of slots.
    for (std::uint64_t first = 0; first < Wheel::slots; first += 31) {
        Wheel wheel(records);
        const std::uint64_t now = start + first * tick;
        CHECK(wheel.soonest() == no_index);
        wheel.schedule(7, now + horizon - 2 * tick, now);
        CHECK(wheel.soonest() == 7);
        wheel.schedule(6, now + 500 * tick, now);
        CHECK(wheel.soonest() == 6);
        wheel.schedule(5, now + 501 * tick, now);
        CHECK(wheel.soonest() == 6);
        wheel.schedule(4, now, now);
        CHECK(wheel.soonest() == 4);
        wheel.schedule(4, now + 600 * tick, now);
        CHECK(wheel.soonest() == 6);
        wheel.cancel(6);
        CHECK(wheel.soonest() == 5);
        wheel.cancel(5);
        wheel.cancel(4);
        CHECK(wheel.soonest() == 7);
        wheel.cancel(7);
        CHECK(wheel.soonest() == no_index);
    }
}

TEST_CASE("timing wheel: later_than compares slots", "[timing_wheel]") {
    Records records(1);
    Wheel wheel(records);
    wheel.schedule(0, start + 100 * tick, start);
    CHECK(wheel.later_than(0, start));
    CHECK(wheel.later_than(0, start + 99 * tick));
    CHECK_FALSE(wheel.later_than(0, start + 100 * tick));
    CHECK_FALSE(wheel.later_than(0, start + 101 * tick));
    CHECK(expired(wheel, start + 60 * tick).empty());
    CHECK(wheel.later_than(0, start + 99 * tick));
    CHECK_FALSE(wheel.later_than(0, start + 100 * tick));
    wheel.cancel(0);
    CHECK(wheel.later_than(0, start + 1000 * tick));  // it would not come back at all
}

TEST_CASE("timing wheel: at random, against a list of deadlines", "[timing_wheel]") {
    constexpr std::uint32_t count = 200;
    const std::uint32_t seed = GENERATE(1u, 2u, 3u, 4u);
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    Records records(count);
    Wheel wheel(records);
    struct Scheduled {
        std::uint64_t deadline;
        std::uint64_t since;
    };
    std::map<std::uint32_t, Scheduled> model;
    std::uint64_t now = start;
    for (int step = 0; step < 30'000; ++step) {
        const std::uint32_t index = static_cast<std::uint32_t>(random() % count);
        switch (random() % 4) {
        case 0:
        case 1: {
            const std::uint64_t far = random() % 8 == 0 ? 3 * horizon : (random() % 2 == 0 ? 4 * tick : 200 * tick);
            const std::uint64_t deadline = now + random() % far;
            wheel.schedule(index, deadline, now);
            model[index] = {deadline, now};
            break;
        }
        case 2:
            wheel.cancel(index);
            model.erase(index);
            break;
        default:
            now += random() % 50 == 0 ? random() % (2 * horizon) : random() % tick;
            wheel.expire(now, count, [&](std::uint32_t back) {
                const auto found = model.find(back);
                REQUIRE(found != model.end());
                const bool at_horizon = now >= found->second.since + horizon - tick;
                REQUIRE((now >= found->second.deadline || at_horizon));
                model.erase(found);
            });
            for (const auto& [waiting, scheduled] : model)
                REQUIRE(now < std::max(scheduled.deadline, scheduled.since) + tick);
            break;
        }
        const std::uint32_t soonest = wheel.soonest();
        REQUIRE((soonest == no_index) == model.empty());
        if (soonest == no_index) continue;
        REQUIRE(model.count(soonest) == 1);
        std::uint64_t earliest = ~0ull;
        for (const auto& [waiting, scheduled] : model)
            earliest = std::min(earliest, std::max(scheduled.deadline, scheduled.since));
        const std::uint64_t its = std::max(model[soonest].deadline, model[soonest].since);
        REQUIRE((its <= earliest + tick || its >= model[soonest].since + horizon - tick));
    }
}
