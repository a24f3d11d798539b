// SPDX-License-Identifier: Apache-2.0
// The scenario `flows`: what does it cost to follow many connections?
//
// The same number of requests, each in a frame of its own, on connections drawn by lot from a thousand, or from a million, that
// are all open and have had a request. So a frame finds its connection's state where its last use has left it: in a cache, or
// not. The table is as large for few connections as for many, as it is in the product.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "forward/wire_head.h"
#include "h1_requests.h"
#include "rounds.h"
#include "scenario.h"
#include "worker_line.h"

namespace rebuilder::bench {
namespace {

constexpr Target most_growth = at_most(1.6);
constexpr Target most_bytes = at_most(320);

constexpr std::string_view first_request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

std::uint64_t resident_bytes() {
    std::uint64_t all = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> all >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// So many connections, and the requests on them.
class Crowd {
  public:
    // `most` is the largest of all crowds.
    Crowd(std::uint32_t count, std::uint32_t most, std::uint32_t requests, const std::vector<std::string>& texts)
        : count_(count) {
        for (std::uint32_t i = 0; i < count; ++i) mirror_.open(i);
        for (std::uint32_t i = 0; i < count; ++i) mirror_.send(i, as_bytes(first_request));
        WorkerLine::Expected expected{std::uint64_t{count} + requests, true, mirror_.frames().size(), count};
        std::mt19937_64 random(count);
        for (std::uint32_t i = 0; i < requests; ++i) {
            mirror_.send(static_cast<std::uint32_t>(random() % count), as_bytes(texts[i % texts.size()]));
        }
        tcp::Limits limits;
        limits.max_flows = std::bit_ceil(most);
        const std::uint64_t before = resident_bytes();
        line_ = std::make_unique<WorkerLine>(mirror_, expected, limits);
        forward::WireHead head;
        line_->verify([&head](const forward::Slot& slot) -> std::string {
            if (!head.read(slot) || head.method != "GET") return "wrote something that is none of the requests";
            return {};
        });
        bytes_ = resident_bytes() - before;  // the table's pages stay
    }

    [[nodiscard]] Measurement run() {
        const Measurement measurement = line_->run();
        if (line_->cache_misses()) {
            misses_a_frame_ = static_cast<double>(*line_->cache_misses()) / static_cast<double>(measurement.frames);
        }
        return measurement;
    }

    [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
    [[nodiscard]] std::string name() const { return fmt::format("{} flows", count_); }
    [[nodiscard]] double bytes_a_flow() const noexcept { return static_cast<double>(bytes_) / count_; }
    [[nodiscard]] std::optional<double> misses_a_frame() const noexcept { return misses_a_frame_; }  // of the last run

  private:
    std::uint32_t count_;
    Mirror mirror_;
    std::unique_ptr<WorkerLine> line_;
    std::uint64_t bytes_ = 0;
    std::optional<double> misses_a_frame_;
};

class Flows final : public Scenario {
  public:
    void add_options(CLI::App& app) override {
        app.add_option("--counts", counts_, "how many connections [1000,10000,100000,1000000]")
            ->delimiter(',')
            ->check(CLI::Range(1U, Mirror::most_connections))
            ->option_text("N,...");
        app.add_option("--requests", requests_, fmt::format("requests of a run [{}]", requests_))
            ->check(CLI::Range(1, 10'000'000))
            ->option_text("N");
    }

    Report run(const Settings& settings) override {
        if (!pin_to(settings.cpu))
            throw Error(ExitStatus::runtime, fmt::format("--cpu {}: can't be used", settings.cpu));
        std::sort(counts_.begin(), counts_.end());
        counts_.erase(std::unique(counts_.begin(), counts_.end()), counts_.end());
        Report report("flows", fmt::format("flows: {} requests on connections drawn by lot, one core", requests_));
        report.set("requests", std::to_string(requests_));
        report.set("rounds", std::to_string(settings.rounds));
        report.set("cpu", std::to_string(settings.cpu));

        const std::vector<std::string> texts = make_texts();
        std::vector<std::unique_ptr<Crowd>> crowds;
        std::vector<Program> programs;
        Disturbance disturbance;
        for (const std::uint32_t count : counts_) {
            Crowd& crowd = *crowds.emplace_back(std::make_unique<Crowd>(count, counts_.back(), requests_, texts));
            programs.push_back({crowd.name(), [&] { return disturbance.watch(crowd.run()); }});
        }
        run_rounds(std::move(programs), settings.rounds, report);
        if (crowds.size() > 1) report.compare("cost_ratio", crowds.back()->name(), crowds.front()->name(), most_growth);
        report.figure("bytes_per_idle_flow", crowds.back()->bytes_a_flow(), "bytes", most_bytes);
        draw(crowds, report);
        note_misses(crowds, report);
        disturbance.note(report);
        return report;
    }

  private:
    static std::vector<std::string> make_texts() {
        H1Requests requests(H1Mix::browser, 1);
        std::vector<std::string> texts;
        while (texts.size() < 1'000) {
            const H1Request request = requests.next(std::to_string(texts.size()));
            if (request.method == "GET") texts.push_back(request.text);
        }
        return texts;
    }

    static void draw(const std::vector<std::unique_ptr<Crowd>>& crowds, Report& report) {
        Chart chart{.name = "flows",
            .title = "What a frame costs, by the connections that are followed",
            .x = "connections",
            .y = "CPU a frame, ns: median and range of the rounds",
            .log_x = true,
            .series = {report.bars(&Measurement::ns_per_frame)}};
        for (std::size_t i = 0; i < crowds.size(); ++i) {
            chart.series[0].points[i].x = static_cast<double>(crowds[i]->count());
        }
        report.chart(std::move(chart));
    }

    static void note_misses(const std::vector<std::unique_ptr<Crowd>>& crowds, Report& report) {
        std::string counts;
        for (const auto& crowd : crowds) {
            if (!crowd->misses_a_frame()) continue;
            counts +=
                fmt::format("{}{:.2f} with {}", counts.empty() ? "" : ", ", *crowd->misses_a_frame(), crowd->name());
        }
        report.note(
            counts.empty() ? "This machine doesn't count cache misses." : "Cache misses a frame: " + counts + ".");
    }

    std::vector<std::uint32_t> counts_{1'000, 10'000, 100'000, 1'000'000};
    std::uint32_t requests_ = 200'000;
};

}  // namespace

std::unique_ptr<Scenario> make_flows() {
    return std::make_unique<Flows>();
}

}  // namespace rebuilder::bench
