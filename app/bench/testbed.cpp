// SPDX-License-Identifier: Apache-2.0
#include "testbed.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <string_view>
#include <thread>

#include "base/error.h"
#include "measure.h"

namespace rebuilder::bench {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr double warm_up_rate = 10'000;
constexpr std::uint64_t warm_up_ns = second_ns;

[[noreturn]] void fail(const std::string& sentence) {
    throw Error(ExitStatus::runtime, sentence);
}

// Requests that were under way when the feeder ended were cut by it.
bool is_loss(std::size_t counter) {
    switch (counter_table[counter].role) {
    case CounterRole::request_lost: return counter != static_cast<std::size_t>(Counter::requests_lost_to_drain);
    case CounterRole::frame_drop:
    case CounterRole::request_shed:
    case CounterRole::request_failed: return true;
    default: return false;
    }
}

// "3 refused by the port, 7 shed_quota"; nothing when nothing was lost.
std::string describe_losses(std::uint64_t refused, const Ledger& ledger) {
    std::string text;
    const auto add = [&text](std::uint64_t count, std::string_view what) {
        if (count != 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
    };
    add(refused, "refused by the port");
    for (std::size_t i = 0; i < counter_count; ++i) {
        if (!is_loss(i)) continue;
        const bool workers = counter_table[i].scope == CounterScope::worker;
        add((workers ? ledger.workers : ledger.outputs[0].values).values[i], counter_table[i].name);
    }
    return text;
}

Config config_for(const TestbedSettings& settings, const Sink& sink) {
    Config config;
    config.outputs.push_back(forward::parse_output(sink.url()));
    config.http_output.pipeline = settings.pipeline;
    config.http_output.connections = settings.connections;
    return config;
}

void sleep_ms(int ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

}  // namespace

// The sink forks while there is nothing to share yet: it would make each page that is written later a page fault.
Testbed::Testbed(const TestbedSettings& settings)
    : settings_(settings)
    , cable_(settings.af_packet ? make_veth_cable() : make_ring_cable(settings.descriptors))
    , arrivals_(settings.traffic.requests)
    , sink_(settings.sink_cpu, &arrivals_)
    , traffic_(make_traffic(settings_.traffic))
    , feeder_(traffic_, *cable_, arrivals_)
    , line_(config_for(settings, sink_), *cable_, traffic_.mirror.frames(), settings.worker_cpu) {
    (void)run(warm_up_rate, warm_up_ns, std::atomic<bool>{false});
}

Trial Testbed::run(double rate, std::uint64_t duration_ns, const std::atomic<bool>& stop, const Watch& watch) {
    arrivals_.clear();
    sink_requests_ = sink_.requests();
    sink_bytes_ = sink_.bytes();
    const std::uint64_t refused = feeder_.refused();
    line_.start();

    Feeder::Fed fed;
    std::exception_ptr trouble;
    std::atomic<bool> ended{false};
    std::thread feeding([&] {
        try {
            fed = feeder_.feed(rate, duration_ns, stop);
        } catch (...) {
            trouble = std::current_exception();
        }
        ended = true;
    });
    const std::uint64_t begin_ns = clock_ns();
    for (std::uint64_t next_ns = begin_ns + second_ns; !ended; sleep_ms(10)) {
        if (clock_ns() < next_ns) continue;
        next_ns += second_ns;
        nic::Eal::tick();
        if (!watch) continue;
        const std::uint64_t lost_at_port = feeder_.refused() - refused + line_.missed_by_port();
        watch({clock_ns() - begin_ns, arrivals_.paired(), arrivals_.latencies().quantile(0.99),
            describe_losses(lost_at_port, line_.ledger())});
    }
    feeding.join();
    const std::uint64_t lost_at_port = feeder_.refused() - refused + line_.missed_by_port();
    const Ledger ledger = line_.stop();
    if (trouble) std::rethrow_exception(trouble);
    Trial trial = judge(fed, ledger, lost_at_port);
    trial.rate = rate;
    trial.worker_stood_ns = line_.worker_stood_ns();
    return trial;
}

Trial Testbed::judge(const Feeder::Fed& fed, const Ledger& ledger, std::uint64_t refused) const {
    const CounterValues& worker = ledger.workers;
    const CounterValues& output = ledger.outputs[0].values;
    const std::uint64_t at_sink = sink_.requests() - sink_requests_;
    const std::uint64_t answered = output[Counter::answered_2xx];
    const std::uint64_t arrived = std::min({answered, at_sink, arrivals_.paired()});

    if (worker[Counter::frames] > fed.frames) {
        fail(fmt::format("the worker counted {} frames, and {} were sent", worker[Counter::frames], fed.frames));
    }
    if (std::max({worker[Counter::requests_rebuilt], answered, at_sink}) > fed.requests ||
        arrivals_.strays() > arrivals_.overtaken()) {
        fail(fmt::format(
            "of {} requests {} were rebuilt, {} answered and {} counted by the sink, {} not for the first time",
            fed.requests, worker[Counter::requests_rebuilt], answered, at_sink, arrivals_.strays()));
    }

    Trial trial;
    trial.offered = fed.kept_pace;
    trial.requests = fed.requests;
    trial.frames = fed.frames;
    trial.bytes = fed.bytes;
    trial.wall_ns = fed.wall_ns;
    trial.frames_lost = fed.frames - worker[Counter::frames];
    trial.requests_lost = fed.requests - arrived;
    trial.losses = describe_losses(refused, ledger);
    const Histogram& latencies = arrivals_.latencies();
    trial.p50_ns = latencies.quantile(0.5);
    trial.p99_ns = latencies.quantile(0.99);
    trial.p999_ns = latencies.quantile(0.999);
    trial.most_ns = latencies.quantile(1);

    if (trial.frames_lost + trial.requests_lost > 0) return trial;
    if (worker[Counter::frame_bytes] != fed.bytes) {
        fail(fmt::format("the worker counted {} bytes, and {} were sent", worker[Counter::frame_bytes], fed.bytes));
    }
    const std::uint64_t sink_bytes = sink_.bytes() - sink_bytes_;
    if (output[Counter::sent_bytes] != sink_bytes) {
        fail(fmt::format("{} bytes were written, and {} came to the sink", output[Counter::sent_bytes], sink_bytes));
    }
    if (!trial.losses.empty()) fail("nothing is missing, but counted were " + trial.losses);
    return trial;
}

}  // namespace rebuilder::bench
