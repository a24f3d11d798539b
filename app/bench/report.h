// SPDX-License-Identifier: Apache-2.0
// Report: what a scenario found, as a table for people and as JSON.
//
// A scenario verifies what its programs did before it adds a measurement: a report has no figure of a run that went wrong.
// What it is about are its figures: each has a name, one value, and perhaps a target that it meets or misses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "chart.h"
#include "measure.h"

namespace rebuilder::bench {

// One run of one program.
struct Measurement {
    std::uint64_t requests = 0;
    CpuTime cpu;
    std::uint64_t wall_ns = 0;
    std::uint64_t p50_ns = 0;  // from offer to answer; 0: not measured
    std::uint64_t p99_ns = 0;
    std::uint64_t frames = 0;  // read; 0: there are none
    std::uint64_t bytes = 0;   // of them

    [[nodiscard]] double cpu_us() const { return per_request(cpu.total_ns); }
    [[nodiscard]] double per_request(std::uint64_t ns) const {
        return static_cast<double>(ns) / 1'000 / static_cast<double>(requests);
    }
    [[nodiscard]] double requests_per_s() const {
        return static_cast<double>(requests) * 1e9 / static_cast<double>(wall_ns);
    }
    [[nodiscard]] double ns_per_frame() const {
        return static_cast<double>(cpu.total_ns) / static_cast<double>(frames);
    }
    [[nodiscard]] double gbit_per_s() const { return static_cast<double>(bytes) * 8 / static_cast<double>(wall_ns); }
};

// Measures the calling thread, from its making on.
class Stopwatch {
  public:
    [[nodiscard]] Measurement read(std::uint64_t requests) const {
        Measurement measurement;
        measurement.cpu = thread_cpu_time() - cpu_;
        measurement.wall_ns = clock_ns() - begin_ns_;
        measurement.requests = requests;
        return measurement;
    }

  private:
    std::uint64_t begin_ns_ = clock_ns();
    CpuTime cpu_ = thread_cpu_time();
};

// What a figure should be.
struct Target {
    enum class Side : std::uint8_t { at_most, at_least };

    Side side;
    double value;

    [[nodiscard]] bool met(double figure) const { return side == Side::at_most ? figure <= value : figure >= value; }
};
[[nodiscard]] constexpr Target at_most(double value) {
    return {Target::Side::at_most, value};
}
[[nodiscard]] constexpr Target at_least(double value) {
    return {Target::Side::at_least, value};
}

class Report {
  public:
    // `scenario` is its name in JSON.
    Report(std::string scenario, std::string title) : scenario_(std::move(scenario)), title_(std::move(title)) {}

    // What was the case, for the JSON and for whoever repeats it.
    void set(const std::string& name, const std::string& value) { settings_.emplace_back(name, value); }
    // A sentence that people should read with the table.
    void note(const std::string& sentence) { notes_.push_back(sentence); }

    // One round of `program`; programs are shown in the order in which they came first.
    void add(const std::string& program, const Measurement& measurement);
    // CPU a request of `program` over that of `with`, round by round; the median is the figure of that name ("": of none).
    // Put ours where more is better. Nothing when either wasn't measured.
    void compare(const std::string& figure, const std::string& program, const std::string& with,
        std::optional<Target> target = std::nullopt);
    // Anything else that was found.
    void figure(
        const std::string& name, double value, const std::string& unit, std::optional<Target> target = std::nullopt);
    void chart(Chart chart) { charts_.push_back(std::move(chart)); }

    // A bar for each program that was measured, or each of these: the median and the range of its rounds.
    [[nodiscard]] Chart::Series bars(double (Measurement::*value)() const = &Measurement::cpu_us,
        const std::vector<std::string>& programs = {}) const;
    [[nodiscard]] const std::vector<Chart>& charts() const noexcept { return charts_; }

    [[nodiscard]] std::string text() const;
    // {SCENARIO: {FIGURE: value, ..., "targets": {FIGURE: {"at_least" or "at_most", "met"}}, "settings": {...}, "notes": [...],
    //  "programs": [{"program", "cpu_us": {"median", "mad", "min", "max"}, ..., "rounds": [{"requests", "cpu_ns", ...}]}],
    //  "ratios": [{"figure", "program", "with", "cpu": {"median", ...}}], "charts": [...]}}
    [[nodiscard]] std::string json() const;

  private:
    struct Program {
        std::string name;
        std::vector<Measurement> rounds;

        template <class Value>
        [[nodiscard]] Spread spread(Value value) const {
            std::vector<double> values;
            for (const Measurement& round : rounds) values.push_back(value(round));
            return spread_of(std::move(values));
        }
    };
    struct Ratio {
        std::string figure;
        std::string program;
        std::string with;
        Spread spread;
        std::optional<Target> target;
    };
    struct Figure {
        std::string name;
        double value;
        std::string unit;
        std::optional<Target> target;
    };

    [[nodiscard]] const Program* find(const std::string& name) const;
    [[nodiscard]] std::vector<Figure> all_figures() const;  // ratios that have a name, too

    std::string scenario_;
    std::string title_;
    std::vector<std::pair<std::string, std::string>> settings_;
    std::vector<std::string> notes_;
    std::vector<Program> programs_;
    std::vector<Ratio> ratios_;
    std::vector<Figure> figures_;
    std::vector<Chart> charts_;
};

}  // namespace rebuilder::bench
