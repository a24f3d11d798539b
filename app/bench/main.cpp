// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "plot.h"
#include "scenario.h"

namespace rebuilder::bench {
namespace {

struct ScenarioText {
    const char* name;
    const char* description;
    const char* examples;
    std::unique_ptr<Scenario> (*make)();
    bool needs_second_core;  // for what it measures with
    std::uint32_t rounds = 5;
};

constexpr std::array scenarios{
    ScenarioText{"line", "What does it cost to rebuild a request? The product's line by stages, against llhttp alone.",
        R"(Examples:
  rebuilder-bench line
  rebuilder-bench line --mix api --flows 100000 --json line.json
  rebuilder-bench line --reorder 2 --duplicate 1 --both --line-only)",
        make_line, false},
    ScenarioText{"flows",
        "What does it cost to follow many connections? The line, with a thousand of them to a million.",
        R"(Examples:
  rebuilder-bench flows
  rebuilder-bench flows --counts 1000,250000 --rounds 9 --json flows.json)",
        make_flows, false},
    ScenarioText{"forward", "What does it cost to send a request? The product's forwarder, against wrk and h2load.",
        R"(Examples:
  rebuilder-bench forward
  rebuilder-bench forward --mix post --json forward.json
  rebuilder-bench forward --pipeline-sweep 1,2,4,8,16,32
  rebuilder-bench forward --pipeline-sweep 1,4,16 --output http://10.0.3.7:80 --rate 5000)",
        make_forward, true},
    ScenarioText{"h2",
        "What does it cost to rebuild a request of HTTP/2? The product's line, against nghttp2's HPACK alone.",
        R"(Examples:
  rebuilder-bench h2
  rebuilder-bench h2 --mix grpc --connections 5000 --json h2.json
  rebuilder-bench h2 --batch 1 --rounds 15)",
        make_h2, false},
    ScenarioText{"replay",
        "What does a program need to read the requests of a capture? `rebuilder replay`, against httpry.",
        R"(Examples:
  rebuilder-bench replay
  rebuilder-bench replay --peer 'tcpflow=tcpflow -r {inner} -o /tmp/flows' --json replay.json
  rebuilder-bench replay --peer 'tshark=tshark -r {} -Y http.request >/dev/null' --rounds 3)",
        make_replay, false, 15},  // processes of some tenths of a second
    ScenarioText{"end-to-end",
        "How many requests a second go through without a loss, and how long does each take? All of the appliance.",
        R"(Examples:
  rebuilder-bench end-to-end
  rebuilder-bench end-to-end --mix browser --pipeline 1 --json end_to_end.json
  rebuilder-bench end-to-end --rate 50000 --rounds 3
  sudo rebuilder-bench end-to-end --port af_packet)",
        make_end_to_end, true},
    ScenarioText{"soak", "Does it lose anything, or grow, when it is busy for long? All of the appliance.",
        R"(Examples:
  rebuilder-bench soak
  rebuilder-bench soak --minutes 600 --share 0.5
  rebuilder-bench soak --minutes 1 --rate 50000)",
        make_soak, true},
};

struct CommandLine {
    Settings settings;
    std::string json;
    std::string plot;
    long long cpu = -1;
    long long sink_cpu = -1;
    std::unique_ptr<Scenario> scenario;
};

class Help : public CLI::Formatter {
  public:
    explicit Help(std::string arguments) : arguments_(std::move(arguments)) { column_width(28); }
    std::string make_usage(const CLI::App*, std::string) const override {
        return fmt::format("\nUsage: rebuilder-bench {}\n", arguments_);
    }

  private:
    std::string arguments_;
};

[[noreturn]] void refuse(const std::string& sentence) {
    throw Error(ExitStatus::usage, sentence);
}

void add_scenario(CLI::App& program, const ScenarioText& text, CommandLine& line) {
    CLI::App& app = *program.add_subcommand(text.name, text.description);
    app.group("Scenarios");
    app.set_help_flag("-h,--help", "print this and exit");
    app.formatter(std::make_shared<Help>(fmt::format("{} [OPTIONS]", text.name)));
    app.footer(text.examples);
    // Only the scenario that is asked for keeps its own, but all have to have their options by then.
    auto scenario = std::make_shared<std::unique_ptr<Scenario>>(text.make());
    (*scenario)->add_options(app);
    app.add_option("--rounds", line.settings.rounds,
           fmt::format("times that each program runs, in turn with the others [{}]", text.rounds))
        ->check(CLI::Range(1, 1000))
        ->option_text("N");
    app.add_option("--json", line.json,
           "also write every run and all figures to this file\n(-: to standard output, and no table)")
        ->option_text("FILE");
    app.add_option("--plot", line.plot, "also draw the charts of its figures, SVG, into this directory")
        ->option_text("DIR");
    app.add_option("--cpu", line.cpu, "core of what is measured [the first that may be used]")
        ->check(CLI::Range(0, 1023))
        ->option_text("N");
    if (text.needs_second_core) {
        app.add_option("--sink-cpu", line.sink_cpu, "core of what it is measured with [the second]")
            ->check(CLI::Range(0, 1023))
            ->option_text("N");
    }
    app.callback([&app, &line, scenario, usual = text.rounds] {
        if (app.count("--rounds") == 0) line.settings.rounds = usual;
        line.scenario = std::move(*scenario);
    });
}

// False when help was asked for.
bool read_command_line(int argc, char** argv, CommandLine& line) {
    CLI::App program("Measure what the product costs. What was done is verified before a time is printed. Machines\n"
                     "change their speed: compare the ratios of one run, not the times of two.",
        "rebuilder-bench");
    program.formatter(std::make_shared<Help>("SCENARIO [OPTIONS]"));
    program.require_subcommand(1);
    program.set_help_flag("-h,--help", "print this and exit");
    program.footer("`rebuilder-bench SCENARIO --help` explains the scenario's options.");
    for (const ScenarioText& text : scenarios) add_scenario(program, text, line);
    try {
        program.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        std::cout << program.help();
        return false;
    } catch (const CLI::RequiredError&) {
        if (argc > 1) refuse(fmt::format("{}: not a scenario; see `rebuilder-bench --help`", argv[1]));
        refuse("no scenario is given; see `rebuilder-bench --help`");
    } catch (const CLI::ArgumentMismatch& error) {
        const std::string sentence = error.what();
        refuse(fmt::format("{}: a value is missing", sentence.substr(0, sentence.find(':'))));
    } catch (const CLI::ExtrasError&) {
        const std::vector<std::string> extra = program.remaining(true);
        refuse(fmt::format("{}: not an option of this scenario; see its --help", extra.empty() ? "?" : extra.front()));
    } catch (const CLI::ParseError& error) {
        const std::string sentence = error.what();
        refuse(sentence.substr(0, sentence.find('\n')));
    }
    return true;
}

void choose_cpus(CommandLine& line) {
    const std::vector<unsigned> cpus = usable_cpus();
    const auto choose = [&cpus](const char* option, long long given, unsigned otherwise) {
        if (given < 0) return otherwise;
        const auto cpu = static_cast<unsigned>(given);
        if (std::find(cpus.begin(), cpus.end(), cpu) == cpus.end()) {
            refuse(fmt::format("{} {}: not a core that this process may use", option, given));
        }
        return cpu;
    };
    if (cpus.empty()) throw Error(ExitStatus::runtime, "sched_getaffinity doesn't say which cores may be used");
    line.settings.cpu = choose("--cpu", line.cpu, cpus[0]);
    if (line.sink_cpu >= 0 || cpus.size() > 1) {
        const unsigned other = cpus.size() > 1 && cpus[1] != line.settings.cpu ? cpus[1] : cpus[0];
        line.settings.sink_cpu = choose("--sink-cpu", line.sink_cpu, other);
    }
}

void write_json(const std::string& path, const std::string& json) {
    std::ofstream file(path);
    file << json << std::flush;
    if (!file) throw Error(ExitStatus::runtime, fmt::format("--json {}: it can't be written", path));
}

int measure(int argc, char** argv) {
    CommandLine line;
    if (!read_command_line(argc, argv, line)) return static_cast<int>(ExitStatus::fine);
    choose_cpus(line);
    // What can't be written is said now, not after minutes of measuring.
    if (!line.json.empty() && line.json != "-") write_json(line.json, "");
    if (!line.plot.empty()) prepare_plot(line.plot);
    Report report = line.scenario->run(line.settings);
    utsname system{};
    if (::uname(&system) == 0) report.set("kernel", system.release);
    report.set("version", REBUILDER_VERSION);
    if (!line.plot.empty()) plot(report.charts(), line.plot);
    if (line.json == "-") {
        std::cout << report.json();
    } else {
        std::cout << report.text();
        if (!line.json.empty()) write_json(line.json, report.json());
    }
    std::cout << std::flush;
    return static_cast<int>(std::cout ? ExitStatus::fine : ExitStatus::runtime);
}

}  // namespace
}  // namespace rebuilder::bench

int main(int argc, char** argv) {
    using rebuilder::ExitStatus;
    try {
        return rebuilder::bench::measure(argc, argv);
    } catch (const rebuilder::Error& error) {
        fmt::print(stderr, "rebuilder-bench: {}\n", error.what());
        return static_cast<int>(error.exit_status);
    } catch (const std::exception& error) {
        fmt::print(stderr, "rebuilder-bench: {}\n", error.what());
    }
    return static_cast<int>(ExitStatus::runtime);
}
