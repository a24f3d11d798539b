// SPDX-License-Identifier: Apache-2.0
#include "arrivals.h"

#include <sys/wait.h>
#include <unistd.h>

#include "support/catch.h"

using rebuilder::bench::Arrivals;

TEST_CASE("arrivals: the time between is kept, also across processes", "[bench]") {
    Arrivals arrivals(10);
    arrivals.left(3, 1'000);
    arrivals.left(9, 1'010);
    const pid_t child = ::fork();
    if (child == 0) {
        arrivals.arrived(9, 1'060);
        arrivals.arrived(3, 1'100);
        ::_exit(0);
    }
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    CHECK(arrivals.paired() == 2);
    CHECK(arrivals.latencies().quantile(0) == 50);
    CHECK(arrivals.latencies().quantile(1) == 100);
    CHECK(arrivals.strays() == 0);
    arrivals.left(3, 2'000);
    CHECK(arrivals.overtaken() == 0);
}

TEST_CASE("arrivals: what never left, comes twice or leaves twice is told apart", "[bench]") {
    Arrivals arrivals(10);
    arrivals.left(1, 5);
    arrivals.arrived(1, 6);
    arrivals.arrived(1, 7);
    arrivals.arrived(2, 7);
    arrivals.arrived(10, 7);
    CHECK(arrivals.paired() == 1);
    CHECK(arrivals.strays() == 3);
    arrivals.left(4, 8);
    arrivals.left(4, 9);
    CHECK(arrivals.overtaken() == 1);
    arrivals.clear();
    CHECK(arrivals.paired() == 0);
    CHECK(arrivals.strays() + arrivals.overtaken() == 0);
    arrivals.left(4, 10);
    CHECK(arrivals.overtaken() == 0);
}
