// SPDX-License-Identifier: Apache-2.0
// Report: what a scenario found, as a table for people and as JSON.
//
// A scenario verifies what its programs did before it adds a measurement: a report has no figure of a run that went wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "measure.h"

namespace rebuilder::bench {

// One run of one program.
struct Measurement {
    std::uint64_t requests = 0;
    CpuTime cpu;
    std::uint64_t wall_ns = 0;
    std::uint64_t p50_ns = 0;  // from offer to answer; 0: not measured
    std::uint64_t p99_ns = 0;
    std::uint64_t frames = 0;  // that were read; 0: there are none
    std::uint64_t bytes = 0;   // of these

    [[nodiscard]] double cpu_us() const { return per_request(cpu.total_ns); }
    [[nodiscard]] double per_request(std::uint64_t ns) const {
        return static_cast<double>(ns) / 1'000 / static_cast<double>(requests);
    }
    [[nodiscard]] double requests_per_s() const {
        return static_cast<double>(requests) * 1e9 / static_cast<double>(wall_ns);
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

// What a ratio should be.
struct Target {
    enum class Side : std::uint8_t { at_most, at_least };

    Side side;
    double value;

    [[nodiscard]] bool met(double ratio) const { return side == Side::at_most ? ratio <= value : ratio >= value; }
};
[[nodiscard]] constexpr Target at_most(double value) {
    return {Target::Side::at_most, value};
}
[[nodiscard]] constexpr Target at_least(double value) {
    return {Target::Side::at_least, value};
}

class Report {
  public:
    Report(std::string scenario, std::string title) : scenario_(std::move(scenario)), title_(std::move(title)) {}

    // What was the case, for the JSON and for whoever repeats it.
    void set(const std::string& name, const std::string& value) { settings_.emplace_back(name, value); }
    // A sentence that people should read with the table.
    void note(const std::string& sentence) { notes_.push_back(sentence); }

    // One round of `program`; programs are shown in the order in which they came first.
    void add(const std::string& program, const Measurement& measurement);
    // CPU a request of one program over that of another, round by round. Nothing when either wasn't measured.
    void compare(const std::string& program, const std::string& with, std::optional<Target> target = std::nullopt);

    [[nodiscard]] std::string text() const;
    // {"scenario","settings":{...},"notes":[...],"programs":[{"program","cpu_us":{"median","mad","min","max"},...,
    //  "rounds":[{"requests","cpu_ns",...}]}],"ratios":[{"program","with","cpu":{"median",...},"target","is_most","met"}]}
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
        std::string program;
        std::string with;
        Spread spread;
        std::optional<Target> target;

        [[nodiscard]] bool met() const { return target && target->met(spread.median); }
    };

    [[nodiscard]] const Program* find(const std::string& name) const;

    std::string scenario_;
    std::string title_;
    std::vector<std::pair<std::string, std::string>> settings_;
    std::vector<std::string> notes_;
    std::vector<Program> programs_;
    std::vector<Ratio> ratios_;
};

}  // namespace rebuilder::bench
