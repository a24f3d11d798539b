// SPDX-License-Identifier: Apache-2.0
// The scenario `h2`: what does it cost to rebuild a request of HTTP/2?
//
// The line, from VXLAN frames to slots, and nghttp2 over the same clients, all on one core: its HPACK inflater alone, which
// is what any reader of HTTP/2 has to do at least; and its server session. Each run is verified: what was found is what was
// made.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <array>
#include <map>
#include <set>
#include <string>

#include "base/error.h"
#include "h2_line.h"
#include "h2_rivals.h"
#include "h2_traffic.h"
#include "http/limits.h"
#include "rounds.h"
#include "scenario.h"

namespace rebuilder::bench {
namespace {

// The line does all that HPACK leaves to do, and may take two thirds as long as HPACK again.
constexpr Target least_of_inflate = at_least(0.6);

constexpr double most_disturbance = 0.02;  // share of the time

constexpr std::array mix_names{"browser", "grpc", "api"};  // as in H2Mix

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
        for (const H2Mix mix : mixes_) measure(mix, settings.rounds, report);
        note_disturbance(report);
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

    void measure(H2Mix mix, std::uint32_t rounds, Report& report) {
        H2Settings made = settings_;
        made.mix = mix;
        H2Traffic traffic = make_h2_traffic(made);
        note_sizes(mix, traffic, report);
        H2Line line(traffic);
        line.verify();
        const std::string ours = "rebuilder, " + name_of(mix);
        const std::string inflate = "nghttp2 inflate, " + name_of(mix);
        const std::string session = "nghttp2 session, " + name_of(mix);
        run_rounds(
            {
                {ours, [&] { return watched(line.run()); }},
                {inflate, [&] { return watched(inflate_blocks(traffic)); }},
                {session, [&] { return watched(serve_sessions(traffic)); }},
            },
            rounds, report);
        report.compare(inflate, ours, least_of_inflate);
        report.compare(session, ours);
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

    // None of the programs ever waits: when time passes that isn't theirs, others had the core, and its caches.
    Measurement watched(const Measurement& measurement) {
        wall_ns_ += measurement.wall_ns;
        cpu_ns_ += measurement.cpu.total_ns;
        return measurement;
    }
    void note_disturbance(Report& report) const {
        const double others = 1 - static_cast<double>(cpu_ns_) / static_cast<double>(wall_ns_);
        if (others < most_disturbance) return;
        report.note(
            fmt::format("Others had the core for {:.0f} % of the time: the figures are theirs, too.", others * 100));
    }

    static std::string name_of(H2Mix mix) { return mix_names[static_cast<std::size_t>(mix)]; }

    std::set<H2Mix> mixes_{H2Mix::browser, H2Mix::grpc, H2Mix::api};
    H2Settings settings_;

    std::uint64_t wall_ns_ = 0;
    std::uint64_t cpu_ns_ = 0;
};

}  // namespace

std::unique_ptr<Scenario> make_h2() {
    return std::make_unique<H2>();
}

}  // namespace rebuilder::bench
