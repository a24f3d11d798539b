// SPDX-License-Identifier: Apache-2.0
#include "traffic_options.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <array>
#include <map>

#include "base/error.h"

namespace rebuilder::bench {
namespace {

constexpr std::array mix_names{"browser", "api", "upload", "design", "noise"};  // as in TrafficMix

}  // namespace

std::string name_of(TrafficMix mix) {
    return mix_names[static_cast<std::size_t>(mix)];
}

void add_traffic_options(CLI::App& app, TrafficSettings& settings) {
    std::map<std::string, TrafficMix> mixes;
    for (std::size_t i = 0; i < mix_names.size(); ++i) mixes[mix_names[i]] = static_cast<TrafficMix>(i);
    app.add_option("--mix", settings.mix,
           "browser: 75 % GETs of some 630 bytes, 25 % POSTs of 1 to 8 KB;\n"
           "api: POSTs of JSON, 200 to 2000 bytes; upload: POSTs of\n"
           "100 KB; design: 70 % GETs, 26 % POSTs of 1 to 8 KB; noise: TLS,\n"
           "and bytes that nobody knows [" +
               name_of(settings.mix) + "]")
        ->transform(CLI::CheckedTransformer(mixes))
        ->option_text("NAME");
    const auto number = [&app](
                            const char* name, auto& value, std::uint32_t least, std::uint32_t most, const char* help) {
        app.add_option(name, value, fmt::format("{} [{}]", help, value))
            ->check(CLI::Range(least, most))
            ->option_text("N");
    };
    number("--flows", settings.connections, 1, Mirror::most_connections, "connections");
    number("--requests", settings.requests, 1, 10'000'000, "requests of a run, of all connections; of noise: writes");
    number("--writers", settings.writers, 1, 1'000, "connections that write at once, their packets mixed");
    number("--acks", settings.acknowledgements, 0, 100, "bare ACKs behind each request");
    app.add_flag_callback(
        "--jumbo", [&settings] { settings.most_payload = Mirror::jumbo_payload; },
        "segments of up to 8960 bytes, not 1460");
    app.add_flag("--both", settings.both, "the server's direction is mirrored, too");
    const auto share = [&app](const char* name, double& value, const char* help) {
        app.add_option_function<double>(
               name, [&value](double percent) { value = percent / 100; }, help)
            ->check(CLI::Range(0.0, 50.0))
            ->option_text("PERCENT");
    };
    share("--reorder", settings.impairment.reorder, "frames that come later than they should [0]");
    share("--duplicate", settings.impairment.duplicate, "frames that come twice [0]");
    share("--loss", settings.impairment.loss, "frames that don't come [0]");
    app.add_option("--seed", settings.seed, fmt::format("of all that is drawn by lot [{}]", settings.seed))
        ->option_text("N");
}

void check_traffic_options(const TrafficSettings& settings) {
    if (settings.requests < settings.connections) {
        throw Error(ExitStatus::usage, fmt::format("--requests {}: less than one for each of {} connections",
                                           settings.requests, settings.connections));
    }
}

std::string describe(const TrafficSettings& settings) {
    return fmt::format(
        "{} requests of {} connections, mix {}", settings.requests, settings.connections, name_of(settings.mix));
}

void note_settings(const TrafficSettings& settings, const Traffic& traffic, Report& report) {
    report.set("mix", name_of(settings.mix));
    report.set("flows", std::to_string(settings.connections));
    report.set("requests", std::to_string(settings.requests));
    report.set("writers", std::to_string(settings.writers));
    report.set("acks", std::to_string(settings.acknowledgements));
    report.set("most_payload", std::to_string(settings.most_payload));
    report.set("both", settings.both ? "yes" : "no");
    report.set("reorder", fmt::format("{}", settings.impairment.reorder));
    report.set("duplicate", fmt::format("{}", settings.impairment.duplicate));
    report.set("loss", fmt::format("{}", settings.impairment.loss));
    report.set("seed", std::to_string(settings.seed));
    const auto frames = static_cast<double>(traffic.mirror.frames().size());
    report.note(fmt::format("{} frames of {:.0f} bytes, {:.2f} frames a request.", traffic.mirror.frames().size(),
        static_cast<double>(traffic.mirror.bytes()) / frames, frames / static_cast<double>(settings.requests)));
}

}  // namespace rebuilder::bench
