// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include "support/catch.h"

using namespace rebuilder::bench;

namespace {

Measurement run_of(std::uint64_t ns, std::uint64_t frames = 0, std::uint64_t bytes = 0) {
    Measurement run;
    run.requests = 1'000;
    run.cpu.total_ns = ns;
    run.wall_ns = ns;
    run.frames = frames;
    run.bytes = bytes;
    return run;
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != text.npos;
}

}  // namespace

TEST_CASE("report: ratios are of one round each, and judged by their median", "[bench]") {
    Report report("s", "t");
    for (const std::uint64_t ns : {1'000U, 2'000U, 3'000U}) {
        report.add("half", run_of(ns));
        report.add("whole", run_of(2 * ns));
    }
    report.compare("a", "half", "whole", at_most(0.5));
    report.compare("b", "half", "whole", at_most(0.4));
    report.compare("c", "half", "whole", at_least(0.5));
    report.compare("d", "half", "whole", at_least(0.6));
    report.compare("e", "half", "who isn't here", at_least(0.6));
    report.compare("", "whole", "half");
    const std::string text = report.text();
    CHECK(has(text, "≤ 0.5 met"));
    CHECK(has(text, "≤ 0.4 missed"));
    CHECK(has(text, "≥ 0.5 met"));
    CHECK(has(text, "≥ 0.6 missed"));
    CHECK_FALSE(has(text, "who isn't here"));
    CHECK(has(text, "whole ÷ half"));
    const std::string json = report.json();
    CHECK(has(json, R"("a": 0.5,)"));
    CHECK(has(json, R"("a": {"at_most": 0.5, "met": true})"));
    CHECK(has(json, R"("d": {"at_least": 0.6, "met": false})"));
    CHECK_FALSE(has(json, R"("e")"));
}

TEST_CASE("report: figures are shown with unit and target, and never as what JSON can't say", "[bench]") {
    Report report("s", "t");
    report.figure("p99_us", 812.5, "µs", at_most(1'000));
    report.figure("rate", 1'234'567, "requests/s");
    report.figure("nothing", 0.0 / 0.0, "");
    const std::string text = report.text();
    CHECK(has(text, "812.500 µs"));
    CHECK(has(text, "≤ 1000 met"));
    CHECK(has(text, "1234567 requests/s"));
    const std::string json = report.json();
    CHECK(has(json, R"({
  "s": {
    "p99_us": 812.5,
)"));
    CHECK(has(json, R"("p99_us": {"at_most": 1000, "met": true})"));
    CHECK(has(json, R"("nothing": null)"));
}

TEST_CASE("report: a chart's points have names or numbers, and a range where there is one", "[bench]") {
    Report report("s", "t");
    Chart chart{.name = "flows", .title = "Flows", .x = "flows", .y = "ns", .log_x = true};
    chart.series.push_back({"line", {{1'000.0, 50}, {1e6, 80.5, 79, 82}}});
    report.chart(chart);
    chart = {.name = "costs", .title = "Costs", .x = "", .y = "ns", .bars = true};
    chart.series.push_back({"", {{"decap", 3}}});
    report.chart(chart);
    const std::string json = report.json();
    CHECK(has(json, R"("points": [[1000, 50], [1e+06, 80.5, 79, 82]])"));
    CHECK(has(json, R"("points": [["decap", 3]])"));
}

TEST_CASE("report: time a frame and bits a second are shown of what reads frames", "[bench]") {
    Report report("s", "t");
    report.add("inflater", run_of(1'000));
    CHECK_FALSE(has(report.text(), "Gbit/s"));
    CHECK_FALSE(has(report.text(), "ns/frame"));
    CHECK_FALSE(has(report.json(), "\"bytes\""));
    report.add("line", run_of(1'000, 8, 250));
    CHECK(has(report.text(), "Gbit/s"));
    CHECK(has(report.text(), " ns/frame    Gbit/s"));
    CHECK(has(report.text(), " 125.0      2.00\n"));
    CHECK(has(report.json(), "\"frames\": 8, \"bytes\": 250"));
}

TEST_CASE("report: bars are medians with their range, of all programs or of some", "[bench]") {
    Report report("s", "t");
    for (const std::uint64_t ns : {1'000U, 2'000U, 6'000U}) {
        report.add("one", run_of(ns * 1'000, 1'000));
        report.add("other", run_of(ns * 2'000, 1'000));
    }
    CHECK(report.bars().points.size() == 2);
    const auto points = report.bars(&Measurement::ns_per_frame, {"other", "who isn't here"}).points;
    REQUIRE(points.size() == 1);
    CHECK(std::get<std::string>(points[0].x) == "other");
    CHECK(points[0].y == 4'000);
    CHECK(points[0].low == 2'000);
    CHECK(points[0].high == 12'000);
}
