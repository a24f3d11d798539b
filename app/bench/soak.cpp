// SPDX-License-Identifier: Apache-2.0
// The scenario `soak`: does the appliance lose anything, or grow, when it is busy for long?
//
// Minutes at a share of the highest rate, which is searched first: one that loses nothing for `--confirm` minutes, since most
// machines have some in which they do better than they can for long. Each ten seconds a line on stderr says how it goes. SIGINT ends it,
// with what there is by then.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "base/error.h"
#include "loss_free.h"
#include "scenario.h"
#include "testbed_options.h"

namespace rebuilder::bench {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr std::uint64_t minute_ns = 60 * second_ns;
constexpr std::uint64_t line_ns = 10 * second_ns;
constexpr std::uint16_t longest_ring = 16'384;  // ENA's: in minutes, even an idle machine takes a core away for some ms
constexpr std::size_t most_moments = 20;        // in a report

std::atomic<bool> stop_requested{false};  // signal handler: w

void on_signal(int) noexcept {
    stop_requested = true;
}

// Of this process: all but the sink.
double resident_mib() {
    std::ifstream file("/proc/self/statm");
    std::uint64_t pages = 0;
    std::uint64_t resident = 0;
    file >> pages >> resident;
    return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

class Soak final : public Scenario {
  public:
    void add_options(CLI::App& app) override {
        testbed_.descriptors = longest_ring;
        add_testbed_options(app, testbed_);
        app.add_option("--minutes", minutes_, fmt::format("how long [{}]", minutes_))
            ->check(CLI::Range(0.01, 100'000.0))
            ->option_text("N");
        app.add_option("--share", share_, fmt::format("of the highest rate [{}]", share_))
            ->check(CLI::Range(0.01, 1.0))
            ->option_text("SHARE");
        app.add_option("--confirm", confirm_,
               fmt::format("for so long a rate has to lose nothing to be the highest [{}]", confirm_))
            ->check(CLI::Range(0.01, 1'000.0))
            ->option_text("N");
        app.add_option("--rate", rate_, "no search: requests a second")
            ->check(CLI::Range(1, 100'000'000))
            ->option_text("N");
    }

    Report run(const Settings& settings) override {
        complete_testbed_settings(settings, testbed_);
        Report report("soak", fmt::format("soak: {} minutes of {}", minutes_, describe(testbed_)));
        Testbed testbed(testbed_);
        note_testbed(testbed_, testbed, report);
        report.set("minutes", fmt::format("{}", minutes_));
        std::signal(SIGINT, on_signal);
        double rate = rate_;
        if (rate == 0) {
            LossFreePlan plan;
            plan.confirmation_ns = static_cast<std::uint64_t>(std::min(confirm_, minutes_) * minute_ns);
            const Trial highest = LossFree(testbed, plan, stop_requested).find();
            report.figure("loss_free_requests_per_s", highest.per_s(highest.requests), "requests/s");
            report.set("share", fmt::format("{}", share_));
            report.set("confirm", fmt::format("{}", confirm_));
            rate = highest.rate * share_;
        }
        soak(testbed, rate, report);
        return report;
    }

  private:
    void soak(Testbed& testbed, double rate, Report& report) const {
        std::optional<double> after_a_minute;
        std::uint64_t next_line_ns = line_ns;
        std::string lost;
        std::vector<std::string> moments;  // at which more was lost
        const auto watch = [&](const Testbed::Progress& progress) {
            if (!after_a_minute && progress.wall_ns >= minute_ns) after_a_minute = resident_mib();
            if (progress.wall_ns < next_line_ns) return;
            next_line_ns += line_ns;
            if (progress.losses != lost) {
                lost = progress.losses;
                moments.push_back(fmt::format("After {} s: {}.", progress.wall_ns / second_ns, lost));
            }
            fmt::print(stderr, "  {:>5} s: {} requests, p99 {} µs, {:.1f} MiB, {}\n", progress.wall_ns / second_ns,
                progress.requests, progress.p99_ns / 1'000, resident_mib(),
                progress.losses.empty() ? "nothing lost" : "lost: " + progress.losses);
        };
        const Trial trial = testbed.run(rate, static_cast<std::uint64_t>(minutes_ * minute_ns), stop_requested, watch);
        if (!trial.offered && !stop_requested) {
            throw Error(ExitStatus::runtime,
                fmt::format("this machine doesn't keep up with sending {:.0f} requests a second", rate));
        }
        report.figure("minutes", static_cast<double>(trial.wall_ns) / static_cast<double>(minute_ns), "minutes");
        report.figure("requests", static_cast<double>(trial.requests), "requests");
        report.figure("requests_per_s", trial.per_s(trial.requests), "requests/s");
        report.figure("frames_lost", static_cast<double>(trial.frames_lost), "frames", at_most(0));
        report.figure("requests_lost", static_cast<double>(trial.requests_lost), "requests", at_most(0));
        report.figure("p50_us", static_cast<double>(trial.p50_ns) / 1'000, "µs");
        report.figure("p99_us", static_cast<double>(trial.p99_ns) / 1'000, "µs");
        if (after_a_minute) report.figure("rss_growth_mib", resident_mib() - *after_a_minute, "MiB");
        note_disturbance({trial}, report);
        if (!trial.losses.empty()) report.note("Lost: " + trial.losses + ".");
        moments.resize(std::min(moments.size(), most_moments));
        for (std::string& moment : moments) report.note(std::move(moment));
        if (stop_requested) report.note("Ended early, by SIGINT.");
    }

    TestbedSettings testbed_;
    double minutes_ = 10;
    double share_ = 0.8;
    double confirm_ = 3;  // minutes
    std::uint32_t rate_ = 0;
};

}  // namespace

std::unique_ptr<Scenario> make_soak() {
    return std::make_unique<Soak>();
}

}  // namespace rebuilder::bench
