// SPDX-License-Identifier: Apache-2.0
#include "histogram.h"

#include <cstdint>

#include "support/catch.h"

using rebuilder::bench::Histogram;

TEST_CASE("histogram: each time is known to within a sixty-fourth", "[bench]") {
    for (std::uint64_t ns = 0; ns < 2'000'000'000'000; ns = ns * 17 / 16 + 1) {
        INFO(ns);
        Histogram histogram;
        histogram.add(ns);
        const std::uint64_t longest = (std::uint64_t{1} << 40) - 1;
        const std::uint64_t expected = std::min(ns, longest);
        CHECK(histogram.quantile(0.5) >= expected);
        CHECK(histogram.quantile(0.5) <= expected + expected / 64);
    }
}

TEST_CASE("histogram: quantiles are those of the values", "[bench]") {
    Histogram histogram;
    CHECK(histogram.quantile(0.99) == 0);
    for (std::uint64_t i = 100; i > 0; --i) histogram.add(i);
    CHECK(histogram.count() == 100);
    CHECK(histogram.quantile(0) == 1);
    CHECK(histogram.quantile(0.5) == 50);
    CHECK(histogram.quantile(0.99) == 99);
    CHECK(histogram.quantile(1) == 100);
    histogram.clear();
    CHECK(histogram.count() == 0);
}
