// SPDX-License-Identifier: Apache-2.0
// The scenario `forward`: what does it cost to send a request?
//
// The forwarder and its rivals run on one core, the sink on another, all with the same requests, the same number of
// connections and the same server. Each run is verified: handed off = answered with 2xx = counted by the sink.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "forward/output.h"
#include "requests.h"
#include "rivals.h"
#include "rounds.h"
#include "scenario.h"
#include "sender.h"
#include "sink.h"

namespace rebuilder::bench {
namespace {

constexpr Target least_of_wrk = at_least(1.0);
constexpr Target least_of_unpipelined = at_least(4.0);
constexpr Target least_of_h2load = at_least(1.0);
constexpr std::uint32_t pipelined = 16;
constexpr std::uint64_t answer_timeout_ns = 2'000'000'000;  // who takes longer has failed

class Forward final : public Scenario {
  public:
    void add_options(CLI::App& app) override {
        const std::map<std::string, Mix> mixes{{"get", Mix::get}, {"post", Mix::post}};
        app.add_option("--mix", mix_, "get: a browser's GET of some 730 bytes; post: POSTs with 1 to 8 KB [get]")
            ->transform(CLI::CheckedTransformer(mixes))
            ->option_text("get|post");
        const auto number = [&app](const char* name, auto& value, int most, const std::string& help) {
            app.add_option(name, value, help)->check(CLI::Range(1, most))->option_text("N");
        };
        number("--requests", requests_, 100'000'000,
            fmt::format("requests of a run; wrk runs for a second instead [{}]", requests_));
        number("--connections", connections_, 1000, fmt::format("connections of each program [{}]", connections_));
        number("--streams", streams_, 1000, fmt::format("HTTP/2 requests at once on a connection [{}]", streams_));
        app.add_option("--output", output_,
               "send to this server instead of the sink: it has to answer\n"
               "2xx, and its count isn't checked; without HTTP/2")
            ->option_text("http://HOST:PORT");
        app.add_option("--pipeline-sweep", sweep_,
               "instead: the forwarder alone, with --pipeline N for each of\n"
               "these; and the time from offer to answer")
            ->delimiter(',')
            ->check(CLI::Range(1, 1000))
            ->option_text("N,...");
        number("--rate", rate_, 100'000'000, "of a sweep: requests offered in a second [as many as go]");
        app.add_flag("--http2", sweep_http2_, "of a sweep: HTTP/2, with N streams");
    }

    Report run(const Settings& settings) override {
        if (rate_ != 0 && sweep_.empty()) throw Error(ExitStatus::usage, "--rate: only with --pipeline-sweep");
        if (sweep_http2_ && sweep_.empty()) throw Error(ExitStatus::usage, "--http2: only with --pipeline-sweep");
        if (!output_.empty() && forward::parse_output(output_).kind != forward::OutputSpec::Kind::http) {
            throw Error(ExitStatus::usage, fmt::format("--output {}: only http://HOST:PORT can be measured", output_));
        }
        cpu_ = settings.cpu;
        samples_ = make_samples(mix_);
        if (output_.empty()) sink_.emplace(settings.sink_cpu);
        if (!pin_to(cpu_)) throw Error(ExitStatus::runtime, fmt::format("--cpu {}: can't be used", cpu_));

        Report report("forward", title());
        describe(settings, report);
        run_rounds(sweep_.empty() ? programs() : sweep_programs(), settings.rounds, report);
        if (sweep_.empty()) {
            report.compare("wrk_ratio", wrk_, ours_, least_of_wrk);
            // Servers that answer one by one, each in a packet, leave less to save: there it is no target.
            report.compare(
                "pipelined_ratio", ours_, ours_pipelined_, sink_ ? std::optional(least_of_unpipelined) : std::nullopt);
            report.compare("wrk_pipelined_ratio", wrk_pipelined_, ours_pipelined_);
            report.compare("h2load_ratio", h2load_, ours_http2_, least_of_h2load);
        }
        report.chart({.name = "forward",
            .title = "What sending a request costs",
            .x = "",
            .y = "CPU a request, µs: median and range of the rounds",
            .bars = true,
            .series = {report.bars()}});
        return report;
    }

  private:
    [[nodiscard]] std::string title() const {
        const bool post = mix_ == Mix::post;
        return fmt::format("forward: {}, {} connections, to {}",
            post ? "POSTs with bodies of 1 to 8 KB" : fmt::format("GETs of {} bytes", samples_.front().wire().size()),
            connections_, sink_ ? "a server of this program" : output_);
    }

    void describe(const Settings& settings, Report& report) const {
        report.set("mix", mix_ == Mix::post ? "post" : "get");
        report.set("connections", std::to_string(connections_));
        report.set("requests", std::to_string(requests_));
        report.set("rounds", std::to_string(settings.rounds));
        report.set("cpu", std::to_string(cpu_));
        report.set("sink_cpu", settings.sink_cpu ? std::to_string(*settings.sink_cpu) : "the same");
        report.set("output", sink_ ? "sink" : output_);
        report.set("rate", rate_ == 0 ? "as many as go" : std::to_string(rate_));
        report.note(fmt::format(
            "{} rounds, in turn. The feeder, some 20 ns a request, is in the forwarder's figures.", settings.rounds));
        if (!settings.sink_cpu) report.note("There is one core only: the sink takes its time from who is measured.");
        if (mix_ == Mix::post && sweep_.empty()) {
            report.note("wrk asks Lua for each POST, which is in its figure; h2load sends one size, 5 KB.");
        }
    }

    [[nodiscard]] std::string url() const { return sink_ ? sink_->url() : output_; }

    std::vector<Program> programs() {
        std::vector<Program> all{
            {ours_, [this] { return forwarder(1); }},
            {wrk_, [this] { return rival(run_wrk, 1); }},
            {ours_pipelined_, [this] { return forwarder(pipelined); }},
            {wrk_pipelined_, [this] { return rival(run_wrk, pipelined); }},
        };
        if (sink_) {
            ours_http2_ = fmt::format("rebuilder, HTTP/2, {} streams", streams_);
            h2load_ = fmt::format("h2load, {} streams", streams_);
            all.push_back({ours_http2_, [this] { return forwarder(streams_, true); }});
            all.push_back({h2load_, [this] { return rival(run_h2load, streams_); }});
        }
        return all;
    }

    std::vector<Program> sweep_programs() {
        std::vector<Program> all;
        for (const std::uint32_t depth : sweep_) {
            const std::string name = sweep_http2_ ? fmt::format("rebuilder, HTTP/2, {} streams", depth)
                                                  : fmt::format("rebuilder --pipeline {}", depth);
            all.push_back({name, [this, depth] { return forwarder(depth, sweep_http2_); }});
        }
        return all;
    }

    Measurement send(const SendSettings& settings) {
        const std::uint64_t before = sink_ ? sink_->settled_requests() : 0;
        const SendResult result = send_requests(samples_, settings);
        if (sink_) expect("the forwarder", result.handed_off, result.handed_off, sink_->settled_requests() - before);
        return result.measurement;
    }

    [[nodiscard]] SendSettings send_settings(std::uint32_t at_once) const {
        SendSettings settings;
        settings.output = url();
        settings.http.connections = connections_;
        settings.at_once = at_once;
        settings.http.timeout_ns = answer_timeout_ns;
        settings.requests = requests_;
        return settings;
    }

    Measurement forwarder(std::uint32_t at_once, bool http2 = false) {
        SendSettings settings = send_settings(at_once);
        settings.http.http2 = http2;
        settings.latencies = !sweep_.empty();
        settings.rate = rate_;
        return send(settings);
    }

    template <class Rival>
    std::optional<Measurement> rival(Rival run_rival, std::uint32_t at_once) {
        const RivalSettings settings{url(), cpu_, connections_, at_once, requests_};
        const std::uint64_t before = sink_ ? sink_->settled_requests() : 0;
        const std::optional<Measurement> measurement = run_rival(samples_, settings);
        if (!measurement || !sink_) return measurement;
        // When wrk's time is up, answers to the requests that are under way don't count for it.
        const std::uint64_t under_way = std::uint64_t{connections_} * at_once;
        const bool exact = run_rival == run_h2load;
        expect(exact ? "h2load" : "wrk", measurement->requests, measurement->requests + (exact ? 0 : under_way),
            sink_->settled_requests() - before);
        return measurement;
    }

    void expect(const char* program, std::uint64_t least, std::uint64_t most, std::uint64_t counted) const {
        if (counted >= least && counted <= most && sink_->bad_connections() == 0) return;
        throw Error(ExitStatus::runtime,
            fmt::format("the sink counted {} requests, {} had {} answered{}", counted, program, least,
                sink_->bad_connections() == 0 ? "" : "; and it got some that it couldn't read"));
    }

    Mix mix_ = Mix::get;
    std::uint64_t requests_ = 100'000;
    std::uint32_t connections_ = 8;
    std::uint32_t streams_ = 16;
    std::vector<std::uint32_t> sweep_;
    bool sweep_http2_ = false;
    std::uint64_t rate_ = 0;
    std::string output_;

    unsigned cpu_ = 0;
    std::vector<Sample> samples_;
    std::optional<Sink> sink_;

    const std::string ours_ = "rebuilder";
    const std::string wrk_ = "wrk";
    const std::string ours_pipelined_ = fmt::format("rebuilder --pipeline {}", pipelined);
    const std::string wrk_pipelined_ = fmt::format("wrk, pipelined {}", pipelined);
    std::string ours_http2_;
    std::string h2load_;
};

}  // namespace

std::unique_ptr<Scenario> make_forward() {
    return std::make_unique<Forward>();
}

}  // namespace rebuilder::bench
