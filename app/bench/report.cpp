// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/json.h"

namespace rebuilder::bench {
namespace {

std::string json_spread(const Spread& spread) {
    return fmt::format(R"({{"median": {:.4f}, "mad": {:.4f}, "min": {:.4f}, "max": {:.4f}}})", spread.median,
        spread.mad, spread.least, spread.most);
}

std::string json_round(const Measurement& round) {
    std::string text = fmt::format(R"({{"requests": {}, "cpu_ns": {}, "user_ns": {}, "system_ns": {}, "wall_ns": {})",
        round.requests, round.cpu.total_ns, round.cpu.user_ns, round.cpu.system_ns, round.wall_ns);
    if (round.p99_ns != 0) text += fmt::format(R"(, "p50_ns": {}, "p99_ns": {})", round.p50_ns, round.p99_ns);
    if (round.bytes != 0) text += fmt::format(R"(, "bytes": {})", round.bytes);
    return text + "}";
}

// "[a, b]", an element a line.
template <class Values, class Write>
std::string json_list(const Values& values, Write write) {
    std::string text = "[";
    const char* separator = "";
    for (const auto& value : values) {
        text += separator;
        text += "\n    ";
        text += write(value);
        separator = ",";
    }
    return text + "\n  ]";
}

// Columns of characters, which are more than one byte each in "µ" and "÷".
std::string padded(const std::string& text, std::size_t width) {
    const auto more = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
    const auto length = text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), more));
    return text + std::string(width > length ? width - length : 0, ' ');
}

constexpr std::size_t name_width = 34;

}  // namespace

void Report::add(const std::string& program, const Measurement& measurement) {
    auto place = std::find_if(programs_.begin(), programs_.end(), [&](const Program& p) { return p.name == program; });
    if (place == programs_.end()) place = programs_.insert(place, Program{program, {}});
    place->rounds.push_back(measurement);
}

const Report::Program* Report::find(const std::string& name) const {
    const auto place =
        std::find_if(programs_.begin(), programs_.end(), [&](const Program& p) { return p.name == name; });
    return place == programs_.end() ? nullptr : &*place;
}

void Report::compare(const std::string& program, const std::string& with, std::optional<Target> target) {
    const Program* one = find(program);
    const Program* other = find(with);
    if (one == nullptr || other == nullptr) return;
    std::vector<double> ratios;
    for (std::size_t i = 0; i < std::min(one->rounds.size(), other->rounds.size()); ++i) {
        ratios.push_back(one->rounds[i].cpu_us() / other->rounds[i].cpu_us());
    }
    ratios_.push_back({program, with, spread_of(std::move(ratios)), target});
}

std::string Report::text() const {
    std::string out = title_ + "\n\n";
    const auto to = std::back_inserter(out);
    const bool latencies = std::any_of(
        programs_.begin(), programs_.end(), [](const Program& each) { return each.rounds.front().p99_ns != 0; });
    const bool frames = std::any_of(
        programs_.begin(), programs_.end(), [](const Program& each) { return each.rounds.front().bytes != 0; });
    fmt::format_to(to, "{} µs CPU a request        user   system  requests  requests/s{}{}\n", padded("", name_width),
        latencies ? "    p50 µs    p99 µs" : "", frames ? "    Gbit/s" : "");
    fmt::format_to(to, "{} median   MAD   min..max\n", padded("", name_width));
    for (const Program& each : programs_) {
        const Spread cpu = each.spread([](const Measurement& m) { return m.cpu_us(); });
        const auto median = [&each](auto value) { return each.spread(value).median; };
        fmt::format_to(to, "{} {:6.3f} {:5.3f} {:5.2f}..{:<5.2f} {:6.3f}  {:6.3f} {:>9} {:>11.0f}",
            padded(each.name, name_width), cpu.median, cpu.mad, cpu.least, cpu.most,
            median([](const Measurement& m) { return m.per_request(m.cpu.user_ns); }),
            median([](const Measurement& m) { return m.per_request(m.cpu.system_ns); }), each.rounds.front().requests,
            median([](const Measurement& m) { return m.requests_per_s(); }));
        if (latencies) {
            fmt::format_to(to, " {:>9.1f} {:>9.1f}",
                median([](const Measurement& m) { return static_cast<double>(m.p50_ns) / 1'000; }),
                median([](const Measurement& m) { return static_cast<double>(m.p99_ns) / 1'000; }));
        }
        if (each.rounds.front().bytes != 0) {
            fmt::format_to(to, " {:>9.2f}", median([](const Measurement& m) { return m.gbit_per_s(); }));
        }
        out += '\n';
    }
    if (!ratios_.empty()) fmt::format_to(to, "\n{} median   MAD   min..max   target\n", padded("CPU a request", 44));
    for (const Ratio& each : ratios_) {
        const Spread& spread = each.spread;
        fmt::format_to(to, "{} {:6.3f} {:5.3f} {:5.2f}..{:<5.2f}",
            padded(fmt::format("  {} ÷ {}", each.program, each.with), 44), spread.median, spread.mad, spread.least,
            spread.most);
        if (each.target) {
            fmt::format_to(to, " {} {:.2f} {}", each.target->side == Target::Side::at_most ? "≤" : "≥",
                each.target->value, each.met() ? "met" : "missed");
        }
        out += '\n';
    }
    if (!notes_.empty()) out += '\n';
    for (const std::string& note : notes_) fmt::format_to(to, "{}\n", note);
    return out;
}

std::string Report::json() const {
    std::string out = fmt::format("{{\n  \"scenario\": {},\n  \"settings\": {{", json_string(scenario_));
    const char* separator = "";
    for (const auto& [name, value] : settings_) {
        out += fmt::format("{}\n    {}: {}", separator, json_string(name), json_string(value));
        separator = ",";
    }
    out += "\n  },\n  \"notes\": " + json_list(notes_, json_string);
    out += ",\n  \"programs\": " + json_list(programs_, [](const Program& each) {
        std::string text = fmt::format(R"({{"program": {}, "cpu_us": {}, "requests_per_s": {}, "rounds": [)",
            json_string(each.name), json_spread(each.spread([](const Measurement& m) { return m.cpu_us(); })),
            json_spread(each.spread([](const Measurement& m) { return m.requests_per_s(); })));
        const char* comma = "";
        for (const Measurement& round : each.rounds) {
            text += comma + json_round(round);
            comma = ", ";
        }
        return text + "]}";
    });
    out += ",\n  \"ratios\": " + json_list(ratios_, [](const Ratio& each) {
        std::string text = fmt::format(R"({{"program": {}, "with": {}, "cpu": {})", json_string(each.program),
            json_string(each.with), json_spread(each.spread));
        if (each.target) {
            text += fmt::format(R"(, "target": {}, "is_most": {}, "met": {})", each.target->value,
                each.target->side == Target::Side::at_most, each.met());
        }
        return text + "}";
    });
    return out + "\n}\n";
}

}  // namespace rebuilder::bench
