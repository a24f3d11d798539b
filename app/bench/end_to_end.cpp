// SPDX-License-Identifier: Apache-2.0
// The scenario `end-to-end`: how many requests a second go through the appliance without losing any, and how long are they in it?
//
// The highest rate is searched, and confirmed for as long as the rounds are together. Then the latency is measured at half of
// it, round by round. See testbed.h for what lost and latency mean, and for what runs where.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "base/error.h"
#include "loss_free.h"
#include "scenario.h"
#include "testbed_options.h"

namespace rebuilder::bench {
namespace {

constexpr Target most_p99_us = at_most(1'000);

class EndToEnd final : public Scenario {
  public:
    void add_options(CLI::App& app) override {
        add_testbed_options(app, testbed_);
        app.add_option("--rate", rate_, "no search: requests a second, at which the latency is measured")
            ->check(CLI::Range(1, 100'000'000))
            ->option_text("N");
        app.add_option("--up-to", most_rate_, "requests a second at which the search ends [as many as go]")
            ->check(CLI::Range(1, 100'000'000))
            ->option_text("N");
        app.add_option("--seconds", seconds_, fmt::format("of a trial, and of a round [{}]", seconds_))
            ->check(CLI::Range(1, 3'600))
            ->option_text("N");
    }

    Report run(const Settings& settings) override {
        complete_testbed_settings(settings, testbed_);
        Report report("end_to_end", "end-to-end: " + describe(testbed_));
        Testbed testbed(testbed_);
        note_testbed(testbed_, testbed, report);
        report.set("seconds", std::to_string(seconds_));
        report.set("rounds", std::to_string(settings.rounds));
        double rate = rate_;
        if (rate == 0) rate = search(testbed, settings.rounds, report) / 2;
        measure_latency(testbed, rate, settings.rounds, report);
        note_disturbance(trials_, report);
        return report;
    }

  private:
    [[nodiscard]] std::uint64_t trial_ns() const { return std::uint64_t{seconds_} * 1'000'000'000; }

    [[nodiscard]] double search(Testbed& testbed, std::uint32_t rounds, Report& report) {
        LossFreePlan plan;
        if (most_rate_ != 0) plan.most_rate = most_rate_;
        plan.trial_ns = trial_ns();
        plan.confirmation_ns = trial_ns() * rounds;
        LossFree loss_free(testbed, plan, stop_);
        const Trial highest = loss_free.find();
        trials_.push_back(highest);
        report.figure("loss_free_requests_per_s", highest.per_s(highest.requests), "requests/s");
        report.figure("loss_free_frames_per_s", highest.per_s(highest.frames), "frames/s");
        report.figure("gbit_per_s", highest.per_s(highest.bytes) * 8 / 1e9, "Gbit/s");
        for (Chart& chart : loss_free.charts()) report.chart(std::move(chart));
        return highest.rate;
    }

    void measure_latency(Testbed& testbed, double rate, std::uint32_t rounds, Report& report) {
        std::vector<Trial> trials;
        for (std::uint32_t i = 0; i < rounds; ++i) {
            trials.push_back(run_trial(testbed, rate, trial_ns(), stop_));
            const Trial& trial = trials.back();
            if (!trial.passed()) {
                throw Error(ExitStatus::runtime,
                    fmt::format("at {:.0f} requests a second {}", rate,
                        trial.offered ? "were lost: " + trial.losses : "this machine doesn't keep up with sending"));
            }
        }
        const auto us = [&trials](auto quantile) {
            std::vector<double> values;
            for (const Trial& each : trials) values.push_back(static_cast<double>(each.*quantile) / 1'000);
            return spread_of(std::move(values));
        };
        const Spread p50 = us(&Trial::p50_ns);
        const Spread p99 = us(&Trial::p99_ns);
        const Spread p999 = us(&Trial::p999_ns);
        report.figure("latency_requests_per_s", rate, "requests/s");
        report.figure("p50_us", p50.median, "µs");
        report.figure("p99_us", p99.median, "µs", most_p99_us);
        report.figure("p999_us", p999.median, "µs");
        trials_.insert(trials_.end(), trials.begin(), trials.end());
        report.note(fmt::format(
            "Quantiles are medians of {} rounds; p99 was {:.0f} to {:.0f} µs.", rounds, p99.least, p99.most));
        Chart chart{"latency", fmt::format("Added latency at {:.0f} requests/s", rate), "", "µs"};
        chart.bars = true;
        chart.series = {{"", {bar("p50", p50), bar("p99", p99), bar("p99.9", p999)}}};
        report.chart(std::move(chart));
    }

    static Chart::Point bar(const std::string& name, const Spread& spread) {
        return {name, spread.median, spread.least, spread.most};
    }

    TestbedSettings testbed_;
    std::uint32_t rate_ = 0;
    std::uint32_t most_rate_ = 0;
    std::uint32_t seconds_ = 2;
    std::atomic<bool> stop_{false};
    std::vector<Trial> trials_;  // those that are reported
};

}  // namespace

std::unique_ptr<Scenario> make_end_to_end() {
    return std::make_unique<EndToEnd>();
}

}  // namespace rebuilder::bench
