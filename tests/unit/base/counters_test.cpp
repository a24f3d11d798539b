// SPDX-License-Identifier: Apache-2.0
// - the table: unique names of one form, help and unit for each, roles in the scope where their law looks for them
// - values are added where they belong, read and summed by role
#include "base/counters.h"

#include <algorithm>
#include <set>
#include <string>

#include "support/catch.h"

using namespace rebuilder;

TEST_CASE("counters: each has its own name, a unit and a help text", "[counters]") {
    std::set<std::string> names;
    for (const CounterInfo& info : counter_table) {
        const std::string name(info.name);
        INFO(name);
        CHECK(names.insert(name).second);
        CHECK_FALSE(name.empty());
        CHECK(std::all_of(name.begin(), name.end(),
            [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }));
        CHECK((name.front() >= 'a' && name.front() <= 'z'));
        CHECK_FALSE(info.unit.empty());
        CHECK_FALSE(info.help.empty());
        // The texts go into JSON, Prometheus and the README as they are.
        CHECK(info.help.find_first_of("\"\\\n|") == std::string_view::npos);
        CHECK(info.help.back() != '.');
    }
    CHECK(names.size() == counter_count);
    CHECK(counter_count <= 256);  // Counter is one byte
}

TEST_CASE("counters: a drop is counted by the thread that drops", "[counters]") {
    for (const CounterInfo& info : counter_table) {
        const bool of_output = info.role == CounterRole::request_absent || info.role == CounterRole::request_shed ||
                               info.role == CounterRole::request_handed || info.role == CounterRole::request_answered ||
                               info.role == CounterRole::request_failed;
        INFO(std::string(info.name));
        if (info.role != CounterRole::event) CHECK((info.scope == CounterScope::output) == of_output);
    }
    // What stands alone on one side of a law is declared once.
    for (const CounterRole role : {CounterRole::frame_in, CounterRole::frame_out, CounterRole::byte_in,
             CounterRole::byte_out, CounterRole::request_start, CounterRole::request_rebuilt}) {
        CHECK(std::count_if(counter_table.begin(), counter_table.end(),
                  [role](const CounterInfo& info) { return info.role == role; }) == 1);
    }
}

TEST_CASE("counters: values are added and read one by one", "[counters]") {
    Counters counters;
    counters.add(Counter::frames);
    counters.add(Counter::frames, 4);
    counters.add(Counter::frame_bytes, 1ull << 40);
    counters.add(Counter::sent_bytes, 9);  // the last of the table
    CHECK(counters[Counter::frames] == 5);
    CHECK(counters[Counter::segments] == 0);

    CounterValues values = counters.read();
    CHECK(values[Counter::frames] == 5);
    CHECK(values[Counter::frame_bytes] == 1ull << 40);
    CHECK(values[Counter::sent_bytes] == 9);
    counters.add(Counter::frames);
    CHECK(values[Counter::frames] == 5);  // a copy

    values += counters.read();
    CHECK(values[Counter::frames] == 11);
    CHECK(values[Counter::sent_bytes] == 18);
    CHECK(values[Counter::segments] == 0);
}

TEST_CASE("counters: a role sums all its counters and no other", "[counters]") {
    CounterValues values;
    std::uint64_t drops = 0;
    for (std::size_t i = 0; i < counter_count; ++i) {
        values.values[i] = 1ull << (i % 40);
        if (counter_table[i].role == CounterRole::frame_drop) drops += values.values[i];
    }
    CHECK(values.sum(CounterRole::frame_drop) == drops);
    CHECK(values.sum(CounterRole::frame_in) == values[Counter::frames]);
    CHECK(values.sum(CounterRole::byte_in) == values[Counter::tcp_payload_bytes]);
}
