// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include "support/catch.h"

using namespace rebuilder::bench;

namespace {

Measurement run_of(std::uint64_t ns, std::uint64_t bytes = 0) {
    Measurement run;
    run.requests = 1'000;
    run.cpu.total_ns = ns;
    run.wall_ns = ns;
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
    report.compare("half", "whole", at_most(0.5));
    report.compare("half", "whole", at_most(0.4));
    report.compare("half", "whole", at_least(0.5));
    report.compare("half", "whole", at_least(0.6));
    report.compare("half", "who isn't here", at_least(0.6));
    const std::string text = report.text();
    CHECK(has(text, "≤ 0.50 met"));
    CHECK(has(text, "≤ 0.40 missed"));
    CHECK(has(text, "≥ 0.50 met"));
    CHECK(has(text, "≥ 0.60 missed"));
    CHECK_FALSE(has(text, "who isn't here"));
    CHECK(has(report.json(), R"("target": 0.6, "is_most": false, "met": false)"));
}

TEST_CASE("report: bits a second are shown of what reads frames", "[bench]") {
    Report report("s", "t");
    report.add("inflater", run_of(1'000));
    CHECK_FALSE(has(report.text(), "Gbit/s"));
    CHECK_FALSE(has(report.json(), "\"bytes\""));
    report.add("line", run_of(1'000, 250));
    CHECK(has(report.text(), "Gbit/s"));
    CHECK(has(report.text(), " 2.00\n"));
    CHECK(has(report.json(), "\"bytes\": 250"));
}
