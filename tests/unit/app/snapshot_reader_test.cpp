// SPDX-License-Identifier: Apache-2.0
// What Snapshot::json() writes, read_snapshot() reads; and what anybody else may answer does no harm.
#include "snapshot_reader.h"

#include <string>

#include "base/error.h"
#include "support/catch.h"

using namespace rebuilder;

namespace {

Snapshot full() {
    Snapshot snapshot;
    snapshot.version = "1.2.3";
    snapshot.host = "a \"host\"";
    snapshot.now_s = 1719830000.5;
    snapshot.uptime_s = 12.25;
    snapshot.ill_health = "draining";
    snapshot.ports.push_back({.name = "af_packet:eth1",
        .link = true,
        .frames = 7,
        .bytes = 700,
        .missed = 1,
        .errors = 2,
        .no_buffers = 3,
        .xstats = {{"pps_allowance_exceeded", 9}}});
    snapshot.workers.push_back({.heartbeat_age_s = 0.25,
        .busy = 0.5,
        .flows = {3, 100},
        .buffers = {4, 200},
        .held = {5, 300},
        .counters = {}});
    Snapshot::Output output;
    output.name = "http://192.0.2.1:80";
    output.forwarders.resize(2);
    output.waiting = {5, 16384};
    output.connections = 8;
    output.trouble = "connection refused";
    output.latency = {.bounds_s = {0.001, 0.5}, .counts = {1, 2, 3}, .sum_s = 1.5};
    snapshot.outputs.push_back(output);
    snapshot.sources.push_back({.vni = 1377, .address = "10.0.1.5", .frames = 7, .bytes = 700});
    for (std::size_t i = 0; i < counter_count; ++i) {
        CounterValues& values =
            counter_table[i].scope == CounterScope::worker ? snapshot.counters : snapshot.outputs[0].counters;
        values.values[i] = (std::uint64_t{1} << 40) + i;
    }
    snapshot.findings = {{Finding::Severity::warning, "One.", "Do it."}, {Finding::Severity::fine, "Two.", ""},
        {Finding::Severity::error, "Three.", ""}};
    return snapshot;
}

std::string refusal(const std::string& json) {
    try {
        (void)read_snapshot(json);
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("snapshot reader: what was written is read", "[app]") {
    const std::string json = full().json();
    CHECK(read_snapshot(json).json() == json);
}

TEST_CASE("snapshot reader: an empty one", "[app]") {
    CHECK(read_snapshot("{}").json() == Snapshot{}.json());
    CHECK(read_snapshot(Snapshot{}.json()).json() == Snapshot{}.json());
}

TEST_CASE("snapshot reader: what is missing, unknown or of another type does no harm", "[app]") {
    const Snapshot snapshot =
        read_snapshot(R"({"version":7,"uptime_s":"x","new":{"a":[1]},"counters":{"frames":-1,"x":2},
        "ports":{"name":"x"},"workers":[1,null,{"flows":"many"}],"outputs":[{"forwarders":123456789,"latency":{"le_s":["x"]}}],
        "sources":[[]],"findings":[{"severity":"dreadful"}]})");
    CHECK(snapshot.version.empty());
    CHECK(snapshot.counters[Counter::frames] == 0);
    CHECK(snapshot.ports.empty());
    CHECK(snapshot.workers.size() == 3);
    REQUIRE(snapshot.outputs.size() == 1);
    CHECK(snapshot.outputs[0].forwarders.size() == 1024);
    CHECK(snapshot.outputs[0].latency.counts.size() == 2);
    REQUIRE(snapshot.findings.size() == 1);
    CHECK(snapshot.findings[0].severity == Finding::Severity::error);
}

TEST_CASE("snapshot reader: names of any bytes", "[app]") {
    CHECK(read_snapshot("{\"host\":\"a\xff\xc3(b\"}").host == "a??"
                                                              "(b");
    CHECK(read_snapshot("{\"host\":\"\\u001b[31m\"}").host == "\x1b[31m");
}

TEST_CASE("snapshot reader: what is no snapshot is said to be none", "[app]") {
    for (const char* text : {"", "OK", "[]", "7", "{", "{\"a\":}", "<html>"}) {
        INFO(text);
        CHECK(refusal(text) == "what is answered is no snapshot of a rebuilder");
    }
}
