// SPDX-License-Identifier: Apache-2.0
#include "measure.h"

#include "support/catch.h"

using namespace rebuilder::bench;

TEST_CASE("spread: one disturbed round moves neither the median nor the deviation", "[bench]") {
    const Spread calm = spread_of({10, 12, 11, 13, 9});
    CHECK(calm.median == 11);
    CHECK(calm.mad == 1);
    CHECK(calm.least == 9);
    CHECK(calm.most == 13);
    const Spread disturbed = spread_of({10, 12, 11, 1300, 9});
    CHECK(disturbed.median == 11);
    CHECK(disturbed.mad == 1);
    CHECK(disturbed.most == 1300);
}

TEST_CASE("spread: of an even number the middle two count, of one itself", "[bench]") {
    CHECK(spread_of({4, 1, 3, 2}).median == 2.5);
    const Spread one = spread_of({7});
    CHECK(one.median == 7);
    CHECK(one.mad == 0);
}

TEST_CASE("quantile: the value that a share of all doesn't exceed", "[bench]") {
    std::vector<std::uint64_t> values;
    for (std::uint64_t i = 100; i > 0; --i) values.push_back(i);
    CHECK(quantile(values, 0) == 1);
    CHECK(quantile(values, 0.5) == 50);
    CHECK(quantile(values, 0.99) == 99);
    CHECK(quantile(values, 1) == 100);
    std::vector<std::uint64_t> one{5};
    CHECK(quantile(one, 0.99) == 5);
}
