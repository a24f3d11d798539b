// SPDX-License-Identifier: Apache-2.0
#include "plot.h"

#include "support/catch.h"

using namespace rebuilder::bench;

namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != text.npos;
}

}  // namespace

TEST_CASE("plot: text can't end its quotation", "[bench]") {
    Chart chart{.name = "n", .title = "its 'title'", .x = "flows", .y = "ns"};
    chart.series.push_back({"", {{1.0, 2}}});
    const std::string script = gnuplot_script(chart, "a 'b'/n.svg");
    CHECK(has(script, "set title 'its ''title'''\n"));
    CHECK(has(script, "set output 'a ''b''/n.svg'\n"));
}

TEST_CASE("plot: a legend only where there is something to tell apart", "[bench]") {
    Chart chart{.name = "n", .title = "t", .x = "flows", .y = "ns", .log_x = true};
    chart.series.push_back({"one", {{1'000.0, 2}, {1e6, 3, 2.5, 3.5}}});
    CHECK(has(gnuplot_script(chart, "f"), "set key off\n"));
    CHECK(has(gnuplot_script(chart, "f"), "set logscale x"));
    CHECK(has(gnuplot_script(chart, "f"), "\n1000000 3 2.5 3.5\n"));
    chart.series.push_back({"two", {{1'000.0, 2}}});
    CHECK_FALSE(has(gnuplot_script(chart, "f"), "set key off\n"));
}

TEST_CASE("plot: bars stand side by side at their name, from zero, with room for the most", "[bench]") {
    Chart chart{.name = "n", .title = "t", .x = "", .y = "ns", .bars = true};
    chart.series.push_back({"line", {{"decap", 20}, {"parse", 100}}});
    chart.series.push_back({"llhttp", {{"decap", 0.0 / 0.0}, {"parse", 80}}});
    const std::string script = gnuplot_script(chart, "f");
    CHECK(has(script, "set ytics ('decap' 0, 'parse' 1)"));
    CHECK(has(script, "\n0.8 100 100 100 "));
    CHECK(has(script, "\n1.2 80 80 80 80.0\n"));
    CHECK(has(script, "\n0.2 NaN NaN NaN "));
    CHECK(has(script, "set xrange [0:112]"));
}

TEST_CASE("plot: of a chart without anything in it there is nothing to say", "[bench]") {
    CHECK(gnuplot_script(Chart{}, "f").empty());
}
