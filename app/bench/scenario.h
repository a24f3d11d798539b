// SPDX-License-Identifier: Apache-2.0
// Scenario: one question that the harness measures an answer to. One file each, one line each in main.cpp's table.
//
// In:    its options, which it adds to its subcommand; what CLI11 can't check it refuses in run(), before it measures.
// Out:   a Report of verified runs. Throws Error: usage for options that can't be used, runtime for a run that failed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "report.h"

namespace CLI {
class App;
}

namespace rebuilder::bench {

// What all scenarios have.
struct Settings {
    std::uint32_t rounds = 5;
    unsigned cpu = 0;                  // of what is measured
    std::optional<unsigned> sink_cpu;  // of what it needs beside it; none when there is one core only
};

class Scenario {
  public:
    virtual ~Scenario() = default;

    virtual void add_options(CLI::App& app) = 0;
    [[nodiscard]] virtual Report run(const Settings& settings) = 0;
};

[[nodiscard]] std::unique_ptr<Scenario> make_end_to_end();
[[nodiscard]] std::unique_ptr<Scenario> make_forward();
[[nodiscard]] std::unique_ptr<Scenario> make_h2();
[[nodiscard]] std::unique_ptr<Scenario> make_replay();
[[nodiscard]] std::unique_ptr<Scenario> make_line();
[[nodiscard]] std::unique_ptr<Scenario> make_flows();
[[nodiscard]] std::unique_ptr<Scenario> make_soak();

}  // namespace rebuilder::bench
