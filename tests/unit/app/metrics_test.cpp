// SPDX-License-Identifier: Apache-2.0
// The page for Prometheus, from a Snapshot made by hand; tests/system/metrics_test.py looks at a running appliance's.
#include "metrics.h"

#include <set>
#include <sstream>
#include <string>

#include "support/catch.h"

using namespace rebuilder;

namespace {

bool has_line(const std::string& page, const std::string& wanted) {
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);) {
        if (line == wanted) return true;
    }
    return false;
}

void set(CounterValues& counters, Counter which, std::uint64_t value) {
    counters.values[static_cast<std::size_t>(which)] = value;
}

Snapshot two_of_each() {
    Snapshot snapshot;
    snapshot.version = "1.2.3";
    snapshot.outputs.reserve(3);
    snapshot.workers.resize(2);
    set(snapshot.workers[1].counters, Counter::frames, 11);
    set(snapshot.counters, Counter::frames, 11);
    set(snapshot.counters, Counter::port_resets, 2);
    snapshot.workers[1].flows = {3, 100};
    snapshot.workers[0].busy_s = 1.5;
    for (const char* name : {"http://192.0.2.1:80", "jsonl:/tmp/\"odd\"\\name"}) {
        Snapshot::Output& output = snapshot.outputs.emplace_back();
        output.name = name;
        output.forwarders.resize(2);
    }
    snapshot.outputs[0].trouble = "connection refused";
    set(snapshot.outputs[0].counters, Counter::resolutions, 5);
    Snapshot::Forwarder& second = snapshot.outputs[0].forwarders[1];
    set(second.counters, Counter::answered_2xx, 9);
    set(snapshot.outputs[0].counters, Counter::answered_2xx, 9 + 4);  // 4 before a reload
    set(second.counters, Counter::requests_absent, 70);
    set(snapshot.outputs[0].counters, Counter::requests_absent, 30);
    Snapshot::Output& gone = snapshot.outputs.emplace_back();
    gone.name = "null";
    set(gone.counters, Counter::written, 8);
    second.latency = {.bounds_s = {0.0005, 2}, .counts = {1, 2, 3}, .sum_s = 7.25};
    snapshot.ports.push_back({.name = "dpdk:0000:00:06.0", .xstats = {{"bw_in_allowance_exceeded", 4}}});
    snapshot.sources.push_back({.vni = 1377, .address = "10.0.1.5", .frames = 7, .bytes = 700});
    snapshot.other_sources.frames = 2;
    return snapshot;
}

}  // namespace

TEST_CASE("metrics: each value stands with its labels", "[app]") {
    const std::string page = metrics_text(two_of_each());
    const std::set<std::string> lines{
        R"(rebuilder_frames_total{worker="0"} 0)",
        R"(rebuilder_frames_total{worker="1"} 11)",
        R"(rebuilder_port_resets_total{worker="1"} 0)",
        R"(rebuilder_port_resets_total{worker="none"} 2)",
        R"(rebuilder_worker_flows{worker="1"} 3)",
        R"(rebuilder_worker_flows_limit{worker="1"} 100)",
        R"(rebuilder_worker_busy_seconds_total{worker="0"} 1.5)",
        R"(rebuilder_answered_2xx_total{output="http://192.0.2.1:80",forwarder="1"} 9)",
        R"(rebuilder_answered_2xx_total{output="http://192.0.2.1:80"} 4)",
        R"(rebuilder_requests_absent_total{output="http://192.0.2.1:80"} 30)",
        R"(rebuilder_written_total{output="null"} 8)",
        R"(rebuilder_resolutions_total{output="http://192.0.2.1:80"} 5)",
        R"(rebuilder_output_reachable{output="http://192.0.2.1:80"} 0)",
        R"(rebuilder_output_reachable{output="jsonl:/tmp/\"odd\"\\name"} 1)",
        R"(rebuilder_port_xstat{port="dpdk:0000:00:06.0",name="bw_in_allowance_exceeded"} 4)",
        R"(rebuilder_source_frames_total{vni="1377",source="10.0.1.5"} 7)",
        R"(rebuilder_source_frames_total{vni="",source="other"} 2)",
        R"(rebuilder_healthy 1)",
    };
    for (const std::string& line : lines) {
        INFO(line);
        CHECK(has_line(page, line));
    }
    CHECK(page.find("frames_total{worker=\"none\"}") == std::string::npos);
    CHECK(page.find("requests_absent_total{output=\"http://192.0.2.1:80\",forwarder") == std::string::npos);
    CHECK(page.find("output_reachable{output=\"null\"}") == std::string::npos);
}

TEST_CASE("metrics: a histogram's buckets are cumulative, and only where something answers", "[app]") {
    const std::string page = metrics_text(two_of_each());
    const std::string labels = R"(output="http://192.0.2.1:80",forwarder="1")";
    CHECK(has_line(page, "rebuilder_answer_seconds_bucket{" + labels + ",le=\"0.0005\"} 1"));
    CHECK(has_line(page, "rebuilder_answer_seconds_bucket{" + labels + ",le=\"2\"} 3"));
    CHECK(has_line(page, "rebuilder_answer_seconds_bucket{" + labels + ",le=\"+Inf\"} 6"));
    CHECK(has_line(page, "rebuilder_answer_seconds_sum{" + labels + "} 7.25"));
    CHECK(has_line(page, "rebuilder_answer_seconds_count{" + labels + "} 6"));
    CHECK(page.find("answer_seconds_count{output=\"jsonl") == std::string::npos);
}

TEST_CASE("metrics: each family is declared once, and no series comes twice", "[app]") {
    std::istringstream lines(metrics_text(two_of_each()));
    std::set<std::string> seen;
    for (std::string line; std::getline(lines, line);) {
        const bool comment = line.starts_with("# ");
        const std::string what = comment ? line.substr(0, line.find(' ', 8)) : line.substr(0, line.rfind(' '));
        INFO(line);
        CHECK(seen.insert(what).second);
    }
    for (const CounterInfo& counter : counter_table) {
        INFO(counter.name);
        CHECK(seen.contains("# TYPE rebuilder_" + std::string(counter.name) + "_total"));
    }
}
