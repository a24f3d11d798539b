// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>
#include <string>
#include <variant>

#include "base/json.h"
#include "report.h"

namespace rebuilder::bench {
namespace {

// JSON knows no infinity.
std::string json_number(double value) {
    return std::isfinite(value) ? fmt::format("{:.6g}", value) : "null";
}

std::string json_spread(const Spread& spread) {
    return fmt::format(R"({{"median": {}, "mad": {}, "min": {}, "max": {}}})", json_number(spread.median),
        json_number(spread.mad), json_number(spread.least), json_number(spread.most));
}

// "[a, b]", an element a line.
template <class Values, class Write>
std::string json_list(const Values& values, Write write) {
    std::string text = "[";
    const char* separator = "";
    for (const auto& value : values) {
        text += separator;
        text += "\n      ";
        text += write(value);
        separator = ",";
    }
    return text + (values.empty() ? "]" : "\n    ]");
}

// The same on one line.
template <class Values, class Write>
std::string json_row(const Values& values, Write write) {
    std::string text = "[";
    const char* separator = "";
    for (const auto& value : values) {
        text += separator;
        text += write(value);
        separator = ", ";
    }
    return text + "]";
}

std::string json_round(const Measurement& round) {
    std::string text = fmt::format(R"({{"requests": {}, "cpu_ns": {}, "user_ns": {}, "system_ns": {}, "wall_ns": {})",
        round.requests, round.cpu.total_ns, round.cpu.user_ns, round.cpu.system_ns, round.wall_ns);
    if (round.p99_ns != 0) text += fmt::format(R"(, "p50_ns": {}, "p99_ns": {})", round.p50_ns, round.p99_ns);
    if (round.frames != 0) text += fmt::format(R"(, "frames": {})", round.frames);
    if (round.bytes != 0) text += fmt::format(R"(, "bytes": {})", round.bytes);
    return text + "}";
}

std::string json_target(const Target& target, double value) {
    return fmt::format(R"({{"{}": {}, "met": {}}})", target.side == Target::Side::at_most ? "at_most" : "at_least",
        json_number(target.value), target.met(value));
}

// [x, y], or [x, y, low, high].
std::string json_point(const Chart::Point& point) {
    const auto* name = std::get_if<std::string>(&point.x);
    const std::string x = name != nullptr ? json_string(*name) : json_number(std::get<double>(point.x));
    if (point.low == point.high) return fmt::format("[{}, {}]", x, json_number(point.y));
    return fmt::format("[{}, {}, {}, {}]", x, json_number(point.y), json_number(point.low), json_number(point.high));
}

std::string json_chart(const Chart& chart) {
    return fmt::format(R"({{"name": {}, "title": {}, "x": {}, "y": {}, "log_x": {}, "bars": {}, "series": {}}})",
        json_string(chart.name), json_string(chart.title), json_string(chart.x), json_string(chart.y), chart.log_x,
        chart.bars, json_row(chart.series, [](const Chart::Series& series) {
            return fmt::format(
                R"({{"name": {}, "points": {}}})", json_string(series.name), json_row(series.points, json_point));
        }));
}

}  // namespace

std::string Report::json() const {
    std::string out = fmt::format("{{\n  {}: {{\n", json_string(scenario_));
    std::string targets;
    for (const Figure& each : all_figures()) {
        out += fmt::format("    {}: {},\n", json_string(each.name), json_number(each.value));
        if (!each.target) continue;
        targets += fmt::format("{}\n      {}: {}", targets.empty() ? "" : ",", json_string(each.name),
            json_target(*each.target, each.value));
    }
    out += "    \"targets\": {" + targets + (targets.empty() ? "}" : "\n    }");
    std::string units;
    for (const Figure& each : figures_) {
        units += fmt::format("{}{}: {}", units.empty() ? "" : ", ", json_string(each.name), json_string(each.unit));
    }
    out += ",\n    \"units\": {" + units + "}";
    std::string settings;
    for (const auto& [name, value] : settings_) {
        settings += fmt::format("{}\n      {}: {}", settings.empty() ? "" : ",", json_string(name), json_string(value));
    }
    out += ",\n    \"settings\": {" + settings + (settings.empty() ? "}" : "\n    }");
    out += ",\n    \"notes\": " + json_list(notes_, json_string);
    out += ",\n    \"programs\": " + json_list(programs_, [](const Program& each) {
        return fmt::format(R"({{"program": {}, "cpu_us": {}, "requests_per_s": {}, "rounds": {}}})",
            json_string(each.name), json_spread(each.spread([](const Measurement& m) { return m.cpu_us(); })),
            json_spread(each.spread([](const Measurement& m) { return m.requests_per_s(); })),
            json_row(each.rounds, json_round));
    });
    out += ",\n    \"ratios\": " + json_list(ratios_, [](const Ratio& each) {
        return fmt::format(R"({{"figure": {}, "program": {}, "with": {}, "cpu": {}}})", json_string(each.figure),
            json_string(each.program), json_string(each.with), json_spread(each.spread));
    });
    return out + ",\n    \"charts\": " + json_list(charts_, json_chart) + "\n  }\n}\n";
}

}  // namespace rebuilder::bench
