// SPDX-License-Identifier: Apache-2.0
#include "rate_search.h"

#include "support/catch.h"

using rebuilder::bench::RateSearch;

TEST_CASE("rate search: finds where it begins to fail, from above and from below", "[bench]") {
    for (const double limit : {150.0, 999.0, 1'000.0, 123'456.0, 7e6}) {
        INFO(limit);
        int trials = 0;
        const auto found = RateSearch{1'000, 0.03, 100, 1e9}.run([&](double rate) {
            ++trials;
            return rate <= limit;
        });
        REQUIRE(found);
        CHECK(*found <= limit);
        CHECK(*found * 1.031 > limit);
        CHECK(trials < 20);
    }
}

TEST_CASE("rate search: ends at its limits", "[bench]") {
    CHECK(RateSearch{1'000, 0.03, 100, 3'000}.run([](double) { return true; }) == 3'000);
    CHECK_FALSE(RateSearch{1'000, 0.03, 100, 3'000}.run([](double) { return false; }));
}
