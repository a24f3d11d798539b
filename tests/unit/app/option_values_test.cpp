// SPDX-License-Identifier: Apache-2.0
// - durations: what is written is read, and means the same
#include "option_values.h"

#include "support/catch.h"

using namespace rebuilder;

TEST_CASE("option values: a duration that is written can be read") {
    const auto [ns, text] = GENERATE(table<std::uint64_t, std::string>({
        {0, "0s"},
        {1, "0.001us"},
        {50, "0.05us"},
        {100, "0.1us"},
        {999, "0.999us"},
        {1'000, "1us"},
        {1'001, "1.001us"},
        {1'500, "1.5us"},
        {1'000'000, "1ms"},
        {1'000'001, "1000.001us"},
        {1'500'000, "1500us"},
        {second, "1s"},
        {second + 1, "1000000.001us"},
        {90 * second, "90s"},
        {minute, "1m"},
        {24 * hour, "1440m"},
        {24 * hour - 1, "86399999999.999us"},
    }));
    CHECK(write_duration(ns) == text);
    CHECK(read_duration(text, 0, 24 * hour) == ns);
}
