// SPDX-License-Identifier: Apache-2.0
// The scenario `h2`: what does it cost to rebuild a request of HTTP/2?
//
// The line, from VXLAN frames to slots, and nghttp2 over the same clients, all on one core: its HPACK inflater alone, which
// is what any reader of HTTP/2 has to do at least; and its server session. Each run is verified: what was found is what was
// made.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <array>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/error.h"
#include "forward/wire_head.h"
#include "h2_rivals.h"
#include "h2_traffic.h"
#include "http/limits.h"
#include "rounds.h"
#include "scenario.h"
#include "worker_line.h"

namespace rebuilder::bench {
namespace {

// The line does all that HPACK leaves to do, and may take two thirds as long as HPACK again.
constexpr Target least_of_inflate = at_least(0.6);

constexpr std::array mix_names{"browser", "grpc", "api"};  // as in H2Mix

// That each slot is the next request made.
class H2Check {
  public:
    explicit H2Check(const H2Traffic& traffic) : traffic_(&traffic) {}

    std::string operator()(const forward::Slot& slot) {
        if (next_ == traffic_->requests.size()) return "rebuilt more than was made";
        const H2Traffic::Made& made = traffic_->requests[next_++];
        if (!head_.read(slot)) return fmt::format("wrote no HTTP/1.1 for request {}", next_);
        if (head_.method == made.method && head_.target == made.path && head_.host() == made.host &&
            head_.body_bytes == made.body_bytes) {
            return {};
        }
        return fmt::format("rebuilt request {} as {}; made was {}", next_,
            text_of(head_.method, head_.target, head_.host(), head_.body_bytes),
            text_of(made.method, made.path, made.host, made.body_bytes));
    }

  private:
    static std::string text_of(
        std::string_view method, std::string_view path, std::string_view host, std::uint64_t bytes) {
        return fmt::format("{} {} for {} with {} bytes", method, path, host, bytes);
    }

    const H2Traffic* traffic_;
    forward::WireHead head_;
    std::size_t next_ = 0;
};

class H2 final : public Scenario {
  public:
    void add_options(CLI::App& app) override {
        std::map<std::string, H2Mix> mixes;
        for (std::size_t i = 0; i < mix_names.size(); ++i) mixes[mix_names[i]] = static_cast<H2Mix>(i);
        app.add_option("--mix", mixes_,
               "browser: GETs with 13 fields; grpc: calls with 10 fields and\n"
               "50 to 500 bytes; api: POSTs of JSON with 11 fields and 200 to\n"
               "2000 bytes [browser,grpc,api]")
            ->delimiter(',')
            ->transform(CLI::CheckedTransformer(mixes))
            ->option_text("NAME,...");
        const auto number = [&app](const char* name, auto& value, int most, const std::string& help) {
            app.add_option(name, value, help)->check(CLI::Range(1, most))->option_text("N");
        };
        number("--requests", settings_.requests, 2'000'000,
            fmt::format("requests of a run, of all clients [{}]", settings_.requests));
        number("--connections", settings_.connections, static_cast<int>(http::Limits{}.h2_connections),
            fmt::format("clients, with a connection each [{}]", settings_.connections));
        number("--batch", settings_.batch, 100,
            fmt::format("most requests that a client writes at once [{}]", settings_.batch));
    }

    Report run(const Settings& settings) override {
        if (settings_.requests < settings_.connections) {
            throw Error(ExitStatus::usage, fmt::format("--requests {}: less than one for each of {} connections",
                                               settings_.requests, settings_.connections));
        }
        if (!pin_to(settings.cpu))
            throw Error(ExitStatus::runtime, fmt::format("--cpu {}: can't be used", settings.cpu));
        Report report(
            "h2", fmt::format("h2: {} requests of {} clients, one core", settings_.requests, settings_.connections));
        describe(settings, report);
        Chart chart{.name = "h2",
            .title = "What rebuilding a request of HTTP/2 costs",
            .x = "",
            .y = "CPU a request, µs: median and range of the rounds",
            .bars = true,
            .series = {{"rebuilder", {}}, {"nghttp2's HPACK inflater alone", {}}, {"nghttp2's server session", {}}}};
        for (const H2Mix mix : mixes_) measure(mix, settings.rounds, report, chart);
        report.chart(std::move(chart));
        disturbance_.note(report);
        return report;
    }

  private:
    void describe(const Settings& settings, Report& report) const {
        std::string names;
        for (const H2Mix mix : mixes_) names += (names.empty() ? "" : ",") + name_of(mix);
        report.set("mix", names);
        report.set("connections", std::to_string(settings_.connections));
        report.set("requests", std::to_string(settings_.requests));
        report.set("batch", std::to_string(settings_.batch));
        report.set("rounds", std::to_string(settings.rounds));
        report.set("cpu", std::to_string(settings.cpu));
        report.note(
            fmt::format("{} rounds of each mix, in turn. Taking slots and giving them back is in the line's figures.",
                settings.rounds));
    }

    void measure(H2Mix mix, std::uint32_t rounds, Report& report, Chart& chart) {
        H2Settings made = settings_;
        made.mix = mix;
        H2Traffic traffic = make_h2_traffic(made);
        note_sizes(mix, traffic, report);
        WorkerLine line(traffic.mirror, {traffic.requests.size()});
        H2Check check(traffic);
        line.verify(std::ref(check));
        const std::string ours = "rebuilder, " + name_of(mix);
        const std::string inflate = "nghttp2 inflate, " + name_of(mix);
        const std::string session = "nghttp2 session, " + name_of(mix);
        run_rounds(
            {
                {ours, [&] { return disturbance_.watch(line.run()); }},
                {inflate, [&] { return disturbance_.watch(inflate_blocks(traffic)); }},
                {session, [&] { return disturbance_.watch(serve_sessions(traffic)); }},
            },
            rounds, report);
        report.compare("inflate_ratio." + name_of(mix), inflate, ours, least_of_inflate);
        report.compare("session_ratio." + name_of(mix), session, ours);
        const Chart::Series bars = report.bars(&Measurement::cpu_us, {ours, inflate, session});
        for (std::size_t i = 0; i < chart.series.size(); ++i) {
            chart.series[i].points.push_back(bars.points[i]);
            chart.series[i].points.back().x = name_of(mix);
        }
    }

    static void note_sizes(H2Mix mix, const H2Traffic& traffic, Report& report) {
        const auto requests = static_cast<double>(traffic.requests.size());
        report.note(
            fmt::format("{}: a header section is {:.0f} bytes in {:.0f}, {:.1f} fields; {:.2f} requests a frame, "
                        "frames of {:.0f} bytes.",
                name_of(mix), static_cast<double>(traffic.field_bytes) / requests,
                static_cast<double>(traffic.block_bytes) / requests, static_cast<double>(traffic.fields) / requests,
                requests / static_cast<double>(traffic.mirror.frames().size()),
                static_cast<double>(traffic.mirror.bytes()) / static_cast<double>(traffic.mirror.frames().size())));
    }

    static std::string name_of(H2Mix mix) { return mix_names[static_cast<std::size_t>(mix)]; }

    std::set<H2Mix> mixes_{H2Mix::browser, H2Mix::grpc, H2Mix::api};
    H2Settings settings_;
    Disturbance disturbance_;
};

}  // namespace

std::unique_ptr<Scenario> make_h2() {
    return std::make_unique<H2>();
}

}  // namespace rebuilder::bench
