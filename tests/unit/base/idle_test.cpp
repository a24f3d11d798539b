// SPDX-License-Identifier: Apache-2.0
#include "base/idle.h"

#include "support/catch.h"

using rebuilder::Idle;

namespace {

constexpr std::uint64_t us = 1000;
constexpr std::uint64_t begin = 1'000'000'000 * us;

}  // namespace

TEST_CASE("idle: polls for a while, then sleeps an eighth of the time without work", "[base]") {
    Idle idle({.poll_ns = 100 * us, .least_ns = 50 * us, .most_ns = 1000 * us});
    CHECK(idle.after(true, begin) == 0);
    CHECK(idle.after(false, begin + 10 * us) == 0);
    CHECK(idle.after(false, begin + 109 * us) == 0);
    CHECK(idle.after(false, begin + 110 * us) == 50 * us);
    CHECK(idle.after(false, begin + 410 * us) == 50 * us);
    CHECK(idle.after(false, begin + 810 * us) == 100 * us);
    CHECK(idle.after(false, begin + 8010 * us) == 1000 * us);
    CHECK(idle.after(false, begin + 90'010 * us) == 1000 * us);
}

TEST_CASE("idle: work begins it anew", "[base]") {
    Idle idle({.poll_ns = 0, .least_ns = 50 * us, .most_ns = 1000 * us});
    CHECK(idle.after(false, begin) == 50 * us);
    CHECK(idle.after(false, begin + 4000 * us) == 500 * us);
    CHECK(idle.after(true, begin + 5000 * us) == 0);
    CHECK(idle.after(false, begin + 5001 * us) == 50 * us);
}

TEST_CASE("idle: a sleep is never longer than it may be", "[base]") {
    Idle idle({.poll_ns = 0, .least_ns = 50 * us, .most_ns = 20 * us});
    CHECK(idle.after(false, begin) == 20 * us);
    Idle never({.poll_ns = 0, .least_ns = 50 * us, .most_ns = 0});
    CHECK(never.after(false, begin) == 0);
    CHECK(never.after(false, begin + 1'000'000 * us) == 0);
}
