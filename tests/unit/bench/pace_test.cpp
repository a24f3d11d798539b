// SPDX-License-Identifier: Apache-2.0
#include "pace.h"

#include <cstdint>

#include "support/catch.h"

using rebuilder::bench::Pace;

namespace {

constexpr std::uint64_t turn_ns = 50'000;
constexpr std::uint64_t begin_ns = 7'000'000'000;

}  // namespace

TEST_CASE("pace: a second has as many as the rate says, whatever the turns", "[bench]") {
    for (const double rate : {1.0, 7.0, 19'999.5, 20'000.0, 1'234'567.0}) {
        INFO(rate);
        Pace pace(rate, turn_ns, begin_ns);
        std::uint64_t all = 0;
        for (std::uint64_t at = 0; at <= 1'000'000'000; at += turn_ns) {
            all += pace.take(begin_ns + at);
            REQUIRE(static_cast<double>(all) <= static_cast<double>(at) * rate / 1e9);
        }
        CHECK(all == static_cast<std::uint64_t>(rate));
    }
}

TEST_CASE("pace: nothing is due before the begin", "[bench]") {
    Pace pace(1e6, turn_ns, begin_ns);
    CHECK(pace.take(begin_ns - 1) == 0);
    CHECK(pace.take(begin_ns) == 0);
    CHECK(pace.lag_ns(begin_ns - 1) == 0);
    CHECK(pace.take(begin_ns + turn_ns) == 50);
}

TEST_CASE("pace: who comes late catches up, but not at once", "[bench]") {
    Pace pace(1e6, turn_ns, begin_ns);
    std::uint64_t now_ns = begin_ns + 10 * turn_ns;
    CHECK(pace.lag_ns(now_ns) == 10 * turn_ns);
    CHECK(pace.take(now_ns) == Pace::most_turns * 50);
    CHECK(pace.lag_ns(now_ns) == 6 * turn_ns);
    CHECK(pace.take(now_ns += turn_ns) == 200);
    CHECK(pace.take(now_ns += turn_ns) == 200);
    CHECK(pace.take(now_ns += turn_ns) == 50);
    CHECK(pace.take(now_ns += turn_ns) == 50);
    CHECK(pace.lag_ns(now_ns) == 0);
}
