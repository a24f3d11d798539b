// SPDX-License-Identifier: Apache-2.0
#include "plot.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <system_error>

#include "base/error.h"

namespace rebuilder::bench {
namespace {

// Okabe and Ito's colours, which everybody can tell apart.
constexpr std::array colours{"#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7"};
constexpr const char* ink = "#333333";

const char* colour_of(std::size_t series) {
    return colours[series % colours.size()];
}

// In quotation marks that keep everything but themselves.
std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text) {
        out += c;
        if (c == '\'') out += c;
    }
    return out + '\'';
}

std::string number(double value) {
    return std::isfinite(value) ? fmt::format("{:.9g}", value) : "NaN";
}

// The names of bars, from top to bottom.
std::string name_of(const Chart::Point& point) {
    const auto* name = std::get_if<std::string>(&point.x);
    return name != nullptr ? *name : fmt::format("{:g}", std::get<double>(point.x));
}

// Bars lie, so that their names can be read: gnuplot's x is what the chart calls y.
std::string bars(const Chart& chart) {
    std::string out;
    const auto to = std::back_inserter(out);
    const auto all = static_cast<double>(chart.series.size());
    double most = 0;
    std::size_t names = 0;
    for (std::size_t i = 0; i < chart.series.size(); ++i) {
        const Chart::Series& series = chart.series[i];
        fmt::format_to(to, "$s{} << END\n", i);
        for (std::size_t k = 0; k < series.points.size(); ++k) {
            const Chart::Point& point = series.points[k];
            const double place = static_cast<double>(k) + (static_cast<double>(i) - (all - 1) / 2) * 0.8 / all;
            const std::string label =
                std::abs(point.y) < 100 ? fmt::format("{:#.3g}", point.y) : fmt::format("{:.0f}", point.y);
            fmt::format_to(
                to, "{} {} {} {} {}\n", place, number(point.y), number(point.low), number(point.high), label);
            for (const double value : {point.y, point.high}) most = std::isfinite(value) ? std::max(most, value) : most;
        }
        out += "END\n";
        names = std::max(names, series.points.size());
    }
    const char* separator = "set ytics (";
    for (std::size_t k = 0; k < chart.series.front().points.size(); ++k) {
        fmt::format_to(to, "{}{} {}", separator, quoted(name_of(chart.series.front().points[k])), k);
        separator = ", ";
    }
    fmt::format_to(to, ") scale 0\nset yrange [{}:-0.5]\n", static_cast<double>(names) - 0.5);
    fmt::format_to(
        to, "set xrange [0:{:g}]\nset grid xtics\n", most > 0 ? most * 1.12 : 1);  // with room for the number
    fmt::format_to(to, "set xlabel {}\nset ylabel {}\n", quoted(chart.y), quoted(chart.x));
    separator = "plot ";
    for (std::size_t i = 0; i < chart.series.size(); ++i) {
        fmt::format_to(to,
            "{0}$s{1} using ($2/2):1:($2/2):({2}) with boxxyerror fill solid noborder linecolor rgb '{3}' title {4}, "
            "$s{1} using 2:1:3:4 with xerrorbars pointtype 0 linewidth 1.5 linecolor rgb '{5}' notitle, "
            "$s{1} using ($4>$2?$4:$2):1:5 with labels left offset 0.6,0 textcolor rgb '{5}' notitle",
            separator, i, 0.36 / all, colour_of(i), quoted(chart.series[i].name), ink);
        separator = ", ";
    }
    return out + "\n";
}

std::string lines(const Chart& chart) {
    std::string out;
    const auto to = std::back_inserter(out);
    bool ranges = false;
    double first = INFINITY;
    double last = 0;
    for (std::size_t i = 0; i < chart.series.size(); ++i) {
        fmt::format_to(to, "$s{} << END\n", i);
        for (const Chart::Point& point : chart.series[i].points) {
            const auto* given = std::get_if<double>(&point.x);
            const double x = given != nullptr ? *given : NAN;
            fmt::format_to(to, "{} {} {} {}\n", number(x), number(point.y), number(point.low), number(point.high));
            ranges = ranges || point.low != point.high;
            first = std::min(first, x);
            last = std::max(last, x);
        }
        out += "END\n";
    }
    if (chart.log_x) fmt::format_to(to, "set logscale x 10\nset format x '%.0s%c'\n");
    fmt::format_to(to, "set xrange [{:g}:{:g}]\nset yrange [0:*]\nset offsets 0, 0, graph 0.08, 0\n",
        chart.log_x ? first / 1.1 : 0, last * (chart.log_x ? 1.1 : 1.03));
    fmt::format_to(to, "set grid xtics ytics\nset xlabel {}\nset ylabel {}\n", quoted(chart.x), quoted(chart.y));
    const char* separator = "plot ";
    for (std::size_t i = 0; i < chart.series.size(); ++i) {
        fmt::format_to(to, "{}$s{} using {} linewidth 2 pointtype 7 pointsize 0.5 linecolor rgb '{}' title {}",
            separator, i, ranges ? "1:2:3:4 with yerrorlines" : "1:2 with linespoints", colour_of(i),
            quoted(chart.series[i].name));
        separator = ", ";
    }
    return out + "\n";
}

std::size_t height_of(const Chart& chart) {
    if (!chart.bars) return 420;
    const std::size_t names = chart.series.front().points.size();
    return 120 + (chart.series.size() > 1 ? names * (14 + 18 * chart.series.size()) + 40 : names * 30);
}

[[noreturn]] void fail(const std::string& directory, const std::string& what) {
    throw Error(ExitStatus::runtime, fmt::format("--plot {}: {}", directory, what));
}

}  // namespace

std::string gnuplot_script(const Chart& chart, const std::string& file) {
    if (chart.series.empty() || chart.series.front().points.empty()) return "";
    return fmt::format("set terminal svg size 800,{} noenhanced background '#ffffff' font 'sans-serif,13'\n"
                       "set output {}\n"
                       "set encoding utf8\n"
                       "set title {}\n"
                       "set border 3 linecolor rgb '{}'\n"
                       "set tics nomirror out format '%.10g'\n"
                       "set style line 9 linecolor rgb '#dddddd'\n"
                       "set grid linestyle 9\n"
                       "set key {}\n"
                       "set bars small\n"
                       "{}",
        height_of(chart), quoted(file), quoted(chart.title), ink,
        chart.series.size() > 1 ? "tmargin center horizontal Left reverse samplen 1.5" : "off",
        chart.bars ? bars(chart) : lines(chart));
}

void prepare_plot(const std::string& directory) {
    if (std::system("gnuplot --version >/dev/null 2>&1") != 0) {
        fail(directory, "gnuplot doesn't run; Debian has it in gnuplot-nox");
    }
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) fail(directory, error.message());
    if (::access(directory.c_str(), W_OK | X_OK) != 0) fail(directory, std::generic_category().message(errno));
}

void plot(const std::vector<Chart>& charts, const std::string& directory) {
    for (const Chart& chart : charts) {
        const std::string file = (std::filesystem::path(directory) / (chart.name + ".svg")).string();
        const std::string script = gnuplot_script(chart, file);
        std::FILE* gnuplot = ::popen("gnuplot", "w");
        if (gnuplot == nullptr) fail(directory, "gnuplot can't be started");
        const bool written = std::fputs(script.c_str(), gnuplot) >= 0;
        if (::pclose(gnuplot) != 0 || !written) fail(directory, "gnuplot failed at chart " + chart.name);
    }
}

}  // namespace rebuilder::bench
