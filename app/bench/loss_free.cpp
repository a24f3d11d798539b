// SPDX-License-Identifier: Apache-2.0
#include "loss_free.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "base/error.h"
#include "rate_search.h"

namespace rebuilder::bench {
namespace {

constexpr int most_confirmations = 10;
constexpr int most_tries = 5;

void tell(const Trial& trial) {
    if (::isatty(STDERR_FILENO) == 0) return;
    std::string outcome = fmt::format("nothing lost, p99 {} µs", trial.p99_ns / 1'000);
    if (!trial.offered) {
        outcome = fmt::format("the feeder came to {:.0f}", trial.per_s(trial.requests));
    } else if (!trial.passed()) {
        outcome =
            fmt::format("{} frames and {} requests lost: {}", trial.frames_lost, trial.requests_lost, trial.losses);
    }
    if (trial.disturbed()) {
        outcome += fmt::format("; others had the worker's core for {} ms", trial.worker_stood_ns / 1'000'000);
    }
    fmt::print(
        stderr, "  {:>9.0f} requests/s, {:.1f} s: {}\n", trial.rate, static_cast<double>(trial.wall_ns) / 1e9, outcome);
}

}  // namespace

Trial run_trial(
    Testbed& testbed, double rate, std::uint64_t duration_ns, const std::atomic<bool>& stop, bool until_loss) {
    for (int i = 1;; ++i) {
        std::atomic<bool> over{false};
        const auto watch = [&](const Testbed::Progress& progress) { over = stop || !progress.losses.empty(); };
        Trial trial = until_loss ? testbed.run(rate, duration_ns, over, watch) : testbed.run(rate, duration_ns, stop);
        if (stop) throw Error(ExitStatus::runtime, "stopped");
        tell(trial);
        if (trial.passed() || (trial.offered && !trial.disturbed()) || i == most_tries) return trial;
    }
}

Trial LossFree::run(double rate, std::uint64_t duration_ns, bool until_loss) {
    trials_.push_back(run_trial(testbed_, rate, duration_ns, stop_, until_loss));
    return trials_.back();
}

bool LossFree::passes(double rate) {
    const Trial trial = run(rate, plan_.trial_ns);
    return trial.passed() || (trial.offered && !trial.disturbed() && run(rate, plan_.trial_ns).passed());
}

Trial LossFree::find() {
    RateSearch search;
    search.first = std::min(plan_.first_rate, plan_.most_rate);
    search.most = plan_.most_rate;
    search.precision = plan_.precision;
    const std::optional<double> found = search.run([this](double rate) { return passes(rate); });
    if (!found) {
        const Trial& last = trials_.back();
        throw Error(ExitStatus::runtime, fmt::format("even at {:.0f} requests a second something is lost: {}",
                                             last.rate, last.losses.empty() ? "they can't be offered" : last.losses));
    }
    double rate = *found;
    double step = plan_.precision;
    for (int i = 0; i < most_confirmations; ++i, rate /= 1 + step, step = std::min(2 * step, 1.0)) {
        const Trial trial = run(rate, plan_.confirmation_ns, true);
        if (trial.passed()) return trial;
    }
    throw Error(ExitStatus::runtime,
        fmt::format("{:.0f} requests a second pass for a moment, but no such rate does for long", *found));
}

std::vector<Chart> LossFree::charts() const {
    std::vector<Trial> sorted = trials_;
    std::sort(sorted.begin(), sorted.end(), [](const Trial& a, const Trial& b) { return a.rate < b.rate; });
    Chart loss{"loss", "Requests lost, by the rate offered", "requests/s", "% of the requests"};
    Chart latency{"latency-by-rate", "Added latency, by the rate offered", "requests/s", "µs"};
    loss.series = {{"lost", {}}};
    latency.series = {{"p50", {}}, {"p99", {}}};
    for (const Trial& each : sorted) {
        if (!each.offered || each.requests == 0) continue;
        const double lost = static_cast<double>(each.requests_lost) / static_cast<double>(each.requests);
        loss.series[0].points.push_back({each.rate, lost * 100});
        if (!each.passed()) continue;
        latency.series[0].points.push_back({each.rate, static_cast<double>(each.p50_ns) / 1'000});
        latency.series[1].points.push_back({each.rate, static_cast<double>(each.p99_ns) / 1'000});
    }
    return {loss, latency};
}

}  // namespace rebuilder::bench
