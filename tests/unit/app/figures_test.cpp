// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them, around the borders of their forms.
#include "figures.h"

#include "support/catch.h"

using namespace rebuilder;

TEST_CASE("figures: grouped", "[app]") {
    CHECK(grouped(0) == "0");
    CHECK(grouped(999) == "999");
    CHECK(grouped(1000) == "1,000");
    CHECK(grouped(12'345'678) == "12,345,678");
}

TEST_CASE("figures: rates", "[app]") {
    CHECK(rate_text(0) == "0");
    CHECK(rate_text(0.001) == "0.1");
    CHECK(rate_text(9.94) == "9.9");
    CHECK(rate_text(9.96) == "10");
    CHECK(rate_text(1234.5) == "1,235");
}

TEST_CASE("figures: short numbers", "[app]") {
    CHECK(short_number(0) == "0");
    CHECK(short_number(0.004) == "<0.01");
    CHECK(short_number(0.42) == "0.42");
    CHECK(short_number(0.999) == "1.0");
    CHECK(short_number(9.97) == "10");
    CHECK(short_number(4210) == "4,210");
    CHECK(short_number(9999.4) == "9,999");
    CHECK(short_number(57'300) == "57.3k");
    CHECK(short_number(999'499) == "999k");
    CHECK(short_number(999'900) == "1.00M");
    CHECK(short_number(1.2e6) == "1.20M");
    CHECK(short_number(2.5e15) == "2500T");
}

TEST_CASE("figures: shares", "[app]") {
    CHECK(percent(0) == "0 %");
    CHECK(percent(0.00001) == "less than 0.01 %");
    CHECK(percent(0.004) == "0.40 %");
    CHECK(percent(0.05) == "5.0 %");
    CHECK(percent(0.333) == "33 %");
    CHECK(percent(0.9996) == "99.96 %");
    CHECK(percent(0.99999) == "over 99.99 %");
    CHECK(percent(1) == "100 %");
    CHECK(short_percent(0.00001) == "<0.01 %");
    CHECK(short_percent(0.99999) == ">99.99 %");
    CHECK(short_percent(0.05) == "5.0 %");
    CHECK(short_percent(1) == "100 %");
}

TEST_CASE("figures: times", "[app]") {
    CHECK(duration_text(0.2) == "1 second");
    CHECK(duration_text(42) == "42 seconds");
    CHECK(duration_text(3600) == "60 minutes");
    CHECK(duration_text(8000) == "2 hours");
    CHECK(duration_text(864'000) == "10 days");
    CHECK(short_duration(0.00025) == "250 us");
    CHECK(short_duration(0.0031) == "3.1 ms");
    CHECK(short_duration(0.25) == "250 ms");
    CHECK(short_duration(1.5) == "1.5 s");
}
