// SPDX-License-Identifier: Apache-2.0
// The ledger as stages, what happened between two snapshots, and percentiles of a histogram.
#include "stages.h"

#include "set_aside.h"
#include "support/catch.h"

using namespace rebuilder;

namespace {

std::uint64_t& at(CounterValues& values, Counter which) {
    return values.values[static_cast<std::size_t>(which)];
}

bool near(double a, double b) {
    return a - b < 1e-9 && b - a < 1e-9;
}

}  // namespace

TEST_CASE("stages: what came in, what went on, and why not, losses first", "[app]") {
    Snapshot snapshot;
    snapshot.ports.push_back({.name = "p", .missed = 2, .no_buffers = 1, .xstats = {}});
    snapshot.outputs.resize(2);
    at(snapshot.counters, Counter::frames) = 100;
    at(snapshot.counters, Counter::segments) = 80;
    at(snapshot.counters, Counter::frame_not_tunnel) = 15;
    at(snapshot.counters, Counter::frame_inner_truncated) = 5;
    at(snapshot.counters, Counter::tcp_payload_bytes) = 900;
    at(snapshot.counters, Counter::tcp_gap_bytes) = 100;
    at(snapshot.counters, Counter::requests_rebuilt) = 10;
    at(snapshot.counters, Counter::requests_not_sampled) = 4;
    at(snapshot.outputs[0].counters, Counter::handed_off) = 6;
    at(snapshot.outputs[1].counters, Counter::handed_off) = 1;
    at(snapshot.outputs[1].counters, Counter::shed_queue_full) = 5;
    at(snapshot.outputs[0].counters, Counter::answered_2xx) = 6;
    const std::vector<Stage> all = stages(snapshot);
    REQUIRE(all.size() == 5);
    CHECK(all[0].in == 103);
    CHECK(all[0].on == 80);
    REQUIRE(all[0].reasons.size() == 3);
    CHECK(all[0].reasons[0].text == "inner headers cut short");
    CHECK(all[0].reasons[0].loss);
    CHECK(all[0].reasons[1].amount == 3);
    CHECK(all[0].reasons[1].loss);
    CHECK(all[0].reasons[2].text == "not addressed to a tunnel port");
    CHECK_FALSE(all[0].reasons[2].loss);
    CHECK(near(all[0].lost(), 8.0 / 103));
    CHECK(all[1].in == 1000);
    CHECK(near(all[1].lost(), 0.1));
    CHECK(all[3].in == 20);
    CHECK(all[3].on == 7);
    CHECK(all[3].reasons[0].text == "the forwarder's queue was full");
    CHECK(all[3].reasons[1].text == "outside the share that --sample takes");
    CHECK(all[3].reasons[1].amount == 8);
    CHECK(near(all[3].lost(), 0.25));
    CHECK(all[4].on == 6);
}

TEST_CASE("stages: without anything nothing is lost", "[app]") {
    for (const Stage& stage : stages(Snapshot{})) {
        CHECK(stage.reasons.empty());
        CHECK(stage.lost() == 0);
    }
}

TEST_CASE("stages: only what is a drop in a law is set aside", "[app]") {
    for (const Counter counter : set_aside) {
        const CounterRole role = counter_table[static_cast<std::size_t>(counter)].role;
        CHECK((role == CounterRole::frame_drop || role == CounterRole::byte_drop || role == CounterRole::request_lost ||
               role == CounterRole::request_filtered));
    }
}

TEST_CASE("difference: counters, ports, outputs, sources; by name, not by place", "[app]") {
    Snapshot before;
    at(before.counters, Counter::frames) = 10;
    before.ports.push_back({.name = "a", .frames = 5, .xstats = {}});
    before.sources = {{.vni = 1, .address = "x", .frames = 3, .bytes = 30}};
    Snapshot::Output output;
    output.name = "null";
    output.latency = {.bounds_s = {1}, .counts = {4, 1}, .sum_s = 0};
    before.outputs.push_back(output);
    Snapshot now = before;
    at(now.counters, Counter::frames) = 17;
    now.ports = {{.name = "b", .frames = 2, .xstats = {}}, {.name = "a", .frames = 9, .xstats = {}}};
    now.sources = {
        {.vni = 2, .address = "x", .frames = 8, .bytes = 80}, {.vni = 1, .address = "x", .frames = 4, .bytes = 44}};
    now.outputs[0].latency.counts = {4, 3};
    const Snapshot moved = difference(before, now);
    CHECK(moved.counters[Counter::frames] == 7);
    CHECK(moved.ports[0].frames == 2);
    CHECK(moved.ports[1].frames == 4);
    CHECK(moved.sources[0].frames == 8);
    CHECK(moved.sources[1].bytes == 14);
    CHECK(moved.outputs[0].latency.counts == std::vector<std::uint64_t>{0, 2});
}

TEST_CASE("percentile: within the bounds of the histogram", "[app]") {
    const Snapshot::Latency latency{.bounds_s = {1, 2, 4}, .counts = {10, 10, 0, 0}, .sum_s = 0};
    CHECK(near(percentile(latency, 0.5), 1));
    CHECK(near(percentile(latency, 0.75), 1.5));
    CHECK(near(percentile(latency, 1), 2));
    CHECK(near(percentile({.bounds_s = {1}, .counts = {0, 5}, .sum_s = 0}, 0.5), 1));
    CHECK(percentile({.bounds_s = {1}, .counts = {0, 0}, .sum_s = 0}, 0.5) < 0);
    CHECK(percentile({}, 0.5) < 0);
}
