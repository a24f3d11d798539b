// SPDX-License-Identifier: Apache-2.0
#include "testbed_options.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <map>

#include "base/error.h"
#include "measure.h"
#include "traffic_options.h"

namespace rebuilder::bench {

void add_testbed_options(CLI::App& app, TestbedSettings& settings) {
    const std::map<std::string, bool> ports{{"ring", false}, {"af_packet", true}};
    app.add_option("--port", settings.af_packet,
           "ring: frames come from memory; af_packet: through the kernel,\n"
           "over a veth pair, which needs root [ring]")
        ->transform(CLI::CheckedTransformer(ports))
        ->option_text("ring|af_packet");
    app.add_option("--rx-descriptors", settings.descriptors,
           fmt::format("frames that a ring holds while the worker is away [{}]", settings.descriptors))
        ->check(CLI::Range(64, 32'768))
        ->option_text("N");
    app.add_option("--pipeline", settings.pipeline,
           fmt::format("requests on one of the forwarder's connections without an\nanswer [{}]", settings.pipeline))
        ->check(CLI::Range(1, 1000))
        ->option_text("N");
    app.add_option(
           "--connections", settings.connections, fmt::format("the forwarder's connections [{}]", settings.connections))
        ->check(CLI::Range(1, 1000))
        ->option_text("N");
    settings.traffic.mix = TrafficMix::design;
    settings.traffic.connections = 5'000;
    settings.traffic.acknowledgements = 3;
    add_traffic_options(app, settings.traffic);
}

void complete_testbed_settings(const Settings& all, TestbedSettings& settings) {
    check_traffic_options(settings.traffic);
    if (settings.traffic.mix == TrafficMix::noise || settings.traffic.impairment.any()) {
        throw Error(ExitStatus::usage, "--mix noise, --reorder, --duplicate, --loss: not here, where whatever is "
                                       "missing at the end was lost by the appliance");
    }
    if (!all.sink_cpu || *all.sink_cpu == all.cpu) {
        throw Error(ExitStatus::usage, "--sink-cpu: has to be another core than --cpu, which the worker polls on");
    }
    settings.worker_cpu = all.cpu;
    settings.sink_cpu = *all.sink_cpu;
}

std::string describe(const TestbedSettings& settings) {
    const std::string port = settings.af_packet ? "af_packet" : fmt::format("ring of {} frames", settings.descriptors);
    return fmt::format("{}, port {}, --pipeline {}, {} connections to the sink", describe(settings.traffic), port,
        settings.pipeline, settings.connections);
}

void note_disturbance(const std::vector<Trial>& trials, Report& report) {
    double wall_ns = 0;
    double stood_ns = 0;
    bool disturbed = false;
    for (const Trial& each : trials) {
        wall_ns += static_cast<double>(each.wall_ns);
        stood_ns += static_cast<double>(each.worker_stood_ns);
        disturbed = disturbed || each.disturbed();
    }
    if (!disturbed) return;
    report.note(
        fmt::format("Other programs had the worker's core for {:.1f} % of the time: the figures are theirs, too.",
            100 * stood_ns / wall_ns));
}

void note_testbed(const TestbedSettings& settings, const Testbed& testbed, Report& report) {
    report.set("port", settings.af_packet ? "af_packet" : "ring");
    if (!settings.af_packet) report.set("rx_descriptors", std::to_string(settings.descriptors));
    report.set("pipeline", std::to_string(settings.pipeline));
    report.set("connections", std::to_string(settings.connections));
    report.set("cpu", std::to_string(settings.worker_cpu));
    report.set("sink_cpu", std::to_string(settings.sink_cpu));
    report.set("hugepages", testbed.hint().empty() ? "yes" : "no");
    note_settings(settings.traffic, testbed.traffic(), report);
    report.note("Latency is from the last frame of a request handed to the port until the sink has read it.");
    if (usable_cpus().size() > 2) return;
    report.note(
        "Two cores: the worker has one; forwarder, feeder and sink share the other, which is what limits the rate.");
}

}  // namespace rebuilder::bench
