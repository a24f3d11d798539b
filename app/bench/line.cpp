// SPDX-License-Identifier: Apache-2.0
// The scenario `line`: what does it cost to rebuild a request of HTTP/1.1?
//
// The whole line, from VXLAN frames to slots, with all features on and no filter; its stages, each with those before it; and
// over the same bytes, in the same order, llhttp alone and a copy. All on one core, with the frames in memory. Each run is
// verified: what was found is what was made.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <functional>
#include <string>

#include "base/error.h"
#include "line_stages.h"
#include "rounds.h"
#include "scenario.h"
#include "traffic.h"
#include "traffic_check.h"
#include "traffic_options.h"
#include "worker_line.h"

namespace rebuilder::bench {
namespace {

// With all it does, the line is to stay within a fifth of the parser alone.
constexpr Target least_of_llhttp = at_least(0.8);

class Line final : public Scenario {
  public:
    void add_options(CLI::App& app) override {
        add_traffic_options(app, traffic_);
        app.add_flag("--line-only", line_only_, "no stages, no copy: the whole line, and llhttp");
    }

    Report run(const Settings& settings) override {
        check_traffic_options(traffic_);
        if (!pin_to(settings.cpu))
            throw Error(ExitStatus::runtime, fmt::format("--cpu {}: can't be used", settings.cpu));
        Traffic traffic = make_traffic(traffic_);
        Report report("line", "line: " + describe(traffic_) + ", one core");
        note_settings(traffic_, traffic, report);
        report.set("rounds", std::to_string(settings.rounds));
        report.set("cpu", std::to_string(settings.cpu));

        const bool intact = !traffic_.impairment.any();
        WorkerLine line(traffic.mirror, {traffic.whole_requests(), intact});
        TrafficCheck check(traffic);
        line.verify(std::ref(check));
        std::vector<Program> programs;
        const bool parsable = intact && traffic_.mix != TrafficMix::noise;
        if (!line_only_) {
            programs = {
                {"copy of the payload", [&] { return copy_payload(traffic); }},
                {"rx: touch the frames", [&] { return touch_frames(traffic); }},
                {"+ decap", [&] { return take_off_tunnels(traffic); }},
                {"+ flow", [&] { return find_flows(traffic); }},
                {"+ reassembly", [&] { return put_together(traffic); }},
                {"+ parse", [&] { return rebuild_requests(traffic); }},
            };
        }
        programs.push_back({line_, [&] { return disturbance_.watch(line.run()); }});
        if (parsable) programs.push_back({llhttp_, [&] { return disturbance_.watch(parse_with_llhttp(traffic)); }});
        run_rounds(std::move(programs), settings.rounds, report);
        report.compare("llhttp_ratio", llhttp_, line_, least_of_llhttp);
        report.chart({.name = "line",
            .title = "What a frame costs: each stage with those before it",
            .x = "",
            .y = "CPU a frame, ns: median and range of the rounds",
            .bars = true,
            .series = {report.bars(&Measurement::ns_per_frame)}});
        disturbance_.note(report);
        return report;
    }

  private:
    TrafficSettings traffic_;
    bool line_only_ = false;
    Disturbance disturbance_;

    const std::string line_ = "+ slot: the whole line";
    const std::string llhttp_ = "llhttp alone";
};

}  // namespace

std::unique_ptr<Scenario> make_line() {
    return std::make_unique<Line>();
}

}  // namespace rebuilder::bench
