// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace rebuilder::bench {
namespace {

// Columns of characters, which are more than one byte each in "µ" and "÷".
std::string padded(const std::string& text, std::size_t width) {
    const auto more = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
    const auto length = text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), more));
    return text + std::string(width > length ? width - length : 0, ' ');
}

constexpr std::size_t name_width = 34;

std::string verdict(const std::optional<Target>& target, double value) {
    if (!target) return "";
    return fmt::format(" {} {:g} {}", target->side == Target::Side::at_most ? "≤" : "≥", target->value,
        target->met(value) ? "met" : "missed");
}

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

void Report::compare(
    const std::string& figure, const std::string& program, const std::string& with, std::optional<Target> target) {
    const Program* one = find(program);
    const Program* other = find(with);
    if (one == nullptr || other == nullptr) return;
    std::vector<double> ratios;
    for (std::size_t i = 0; i < std::min(one->rounds.size(), other->rounds.size()); ++i) {
        ratios.push_back(one->rounds[i].cpu_us() / other->rounds[i].cpu_us());
    }
    ratios_.push_back({figure, program, with, spread_of(std::move(ratios)), target});
}

void Report::figure(const std::string& name, double value, const std::string& unit, std::optional<Target> target) {
    figures_.push_back({name, value, unit, target});
}

Chart::Series Report::bars(double (Measurement::*value)() const, const std::vector<std::string>& programs) const {
    Chart::Series series;
    for (const Program& each : programs_) {
        if (!programs.empty() && std::find(programs.begin(), programs.end(), each.name) == programs.end()) continue;
        const Spread spread = each.spread([value](const Measurement& m) { return (m.*value)(); });
        series.points.push_back({each.name, spread.median, spread.least, spread.most});
    }
    return series;
}

std::vector<Report::Figure> Report::all_figures() const {
    std::vector<Figure> all;
    for (const Ratio& each : ratios_) {
        if (!each.figure.empty()) all.push_back({each.figure, each.spread.median, "", each.target});
    }
    all.insert(all.end(), figures_.begin(), figures_.end());
    return all;
}

std::string Report::text() const {
    std::string out = title_ + "\n";
    const auto to = std::back_inserter(out);
    const auto any = [this](auto has) {
        return std::any_of(
            programs_.begin(), programs_.end(), [&](const Program& each) { return has(each.rounds.front()); });
    };
    const bool latencies = any([](const Measurement& m) { return m.p99_ns != 0; });
    const bool frames = any([](const Measurement& m) { return m.frames != 0; });
    const bool bytes = any([](const Measurement& m) { return m.bytes != 0; });
    if (!programs_.empty()) {
        fmt::format_to(to, "\n{} µs CPU a request        user   system  requests  requests/s{}{}{}\n",
            padded("", name_width), latencies ? "    p50 µs    p99 µs" : "", frames ? "  ns/frame" : "",
            bytes ? "    Gbit/s" : "");
        fmt::format_to(to, "{} median   MAD   min..max\n", padded("", name_width));
    }
    for (const Program& each : programs_) {
        const Measurement& first = each.rounds.front();
        const Spread cpu = each.spread([](const Measurement& m) { return m.cpu_us(); });
        const auto median = [&each](auto value) { return each.spread(value).median; };
        fmt::format_to(to, "{} {:6.3f} {:5.3f} {:5.2f}..{:<5.2f} {:6.3f}  {:6.3f} {:>9} {:>11.0f}",
            padded(each.name, name_width), cpu.median, cpu.mad, cpu.least, cpu.most,
            median([](const Measurement& m) { return m.per_request(m.cpu.user_ns); }),
            median([](const Measurement& m) { return m.per_request(m.cpu.system_ns); }), first.requests,
            median([](const Measurement& m) { return m.requests_per_s(); }));
        if (latencies) {
            fmt::format_to(to, " {:>9.1f} {:>9.1f}",
                median([](const Measurement& m) { return static_cast<double>(m.p50_ns) / 1'000; }),
                median([](const Measurement& m) { return static_cast<double>(m.p99_ns) / 1'000; }));
        }
        if (first.frames != 0) {
            fmt::format_to(to, " {:>9.1f}", median([](const Measurement& m) { return m.ns_per_frame(); }));
        } else if (frames && first.bytes != 0) {
            out += std::string(10, ' ');
        }
        if (first.bytes != 0) {
            fmt::format_to(to, " {:>9.2f}", median([](const Measurement& m) { return m.gbit_per_s(); }));
        }
        out += '\n';
    }
    std::vector<std::string> ratio_names;
    std::size_t ratio_width = name_width;
    for (const Ratio& each : ratios_) {
        ratio_names.push_back(fmt::format("  {} ÷ {}", each.program, each.with));
        ratio_width = std::max(ratio_width, ratio_names.back().size() - 1);  // ÷ has two bytes
    }
    if (!ratios_.empty()) {
        fmt::format_to(to, "\n{} median   MAD   min..max   target\n", padded("CPU a request", ratio_width));
    }
    for (std::size_t i = 0; i < ratios_.size(); ++i) {
        const Ratio& each = ratios_[i];
        const Spread& spread = each.spread;
        fmt::format_to(to, "{} {:6.3f} {:5.3f} {:5.2f}..{:<5.2f}{}\n", padded(ratio_names[i], ratio_width),
            spread.median, spread.mad, spread.least, spread.most, verdict(each.target, spread.median));
    }
    if (!figures_.empty()) out += '\n';
    for (const Figure& each : figures_) {
        fmt::format_to(to, "{} {:>12} {}{}\n", padded(each.name, name_width),
            fmt::format("{:.{}f}", each.value, each.value >= 1'000 ? 0 : 3), padded(each.unit, 12),
            verdict(each.target, each.value));
    }
    if (!notes_.empty()) out += '\n';
    for (const std::string& note : notes_) fmt::format_to(to, "{}\n", note);
    return out;
}

}  // namespace rebuilder::bench
