// SPDX-License-Identifier: Apache-2.0
#include "live_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "measure.h"
#include "nic/eal_plan.h"
#include "nic/host.h"
#include "rebuilder/memory_lock.h"

namespace rebuilder::bench {
namespace {

constexpr std::uint64_t longest_answer_ns = 10'000'000'000;

nic::Eal start_eal(const Cable& cable, unsigned worker_cpu, std::string& hint) {
    const nic::Host host = nic::read_host();
    std::string others;
    for (const unsigned cpu : host.cpus) {
        if (cpu != worker_cpu) others += fmt::format("{}{}", others.empty() ? "" : ",", cpu);
    }
    if (others.empty()) throw Error(ExitStatus::runtime, "needs two cores: one for the worker, one for all else");
    nic::EalOptions options;
    options.workers = 1;
    options.lcores = fmt::format("0@({}),1@{}", others, worker_cpu);
    options.buffer_bytes = nic::buffer_bytes(cable.device(), {});
    if (cable.opened_by_eal()) options.devices.push_back(cable.device());
    const nic::EalPlan plan = nic::plan_eal(options, host);
    hint = plan.hint;
    return nic::Eal(plan);
}

void subtract(CounterValues& from, const CounterValues& values) {
    for (std::size_t i = 0; i < counter_count; ++i) from.values[i] -= values.values[i];
}

void sleep_ms(int ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

}  // namespace

LiveLine::LiveLine(const Config& config, Cable& cable, std::span<const packet::Frame> frames, unsigned worker_cpu)
    : outputs_(config, 1, config.queue)
    , eal_(start_eal(cable, worker_cpu, hint_)) {
    cable.connect(frames);
    port_.emplace(cable.device());
    queues_.push_back(port_->rx_queue(0));
    workers_.push_back(std::make_unique<pipeline::Worker>(worker_config(config, 1), outputs_.links(0)));
    if (const std::string sentence = lock_memory(workers_[0]->mapped_bytes()); !sentence.empty()) {
        hint_ += (hint_.empty() ? "" : "; ") + sentence;
    }
    outputs_.start();
}

void LiveLine::start() {
    while (!queues_[0].receive(0).empty()) continue;  // left by a worker that got no time at its end
    before_ = outputs_.ledger(workers_);
    missed_before_ = port_->stats().missed;
    stop_ = false;
    eal_.launch(0, [this] {
        const std::uint64_t begin_ns = clock_ns();
        const CpuTime begin = thread_cpu_time();
        run_loop(queues_, *workers_[0], {}, status_, stop_);
        const std::uint64_t wall_ns = clock_ns() - begin_ns;
        worker_stood_ns_ = wall_ns - std::min(wall_ns, (thread_cpu_time() - begin).total_ns);
    });
}

Ledger LiveLine::ledger() const {
    Ledger ledger = outputs_.ledger(workers_);
    subtract(ledger.workers, before_.workers);
    subtract(ledger.outputs[0].values, before_.outputs[0].values);
    return ledger;
}

Ledger LiveLine::stop() {
    settle();
    stop_ = true;
    eal_.wait();
    const std::uint64_t begin_ns = clock_ns();
    while (!is_output_done() && clock_ns() - begin_ns < longest_answer_ns) sleep_ms(1);
    workers_[0]->reclaim();
    Ledger ledger = this->ledger();
    for (const Law& law : ledger.laws()) {
        if (law.holds()) continue;
        throw Error(ExitStatus::runtime,
            fmt::format("a law of the ledger is broken: {}: {} = {}", law.name, law.left, law.right));
    }
    if (const std::size_t blocks = workers_[0]->blocks_in_use(); blocks != 0) {
        throw Error(ExitStatus::runtime, fmt::format("{} blocks never came back to the worker", blocks));
    }
    return ledger;
}

// What was sent last may still be on its way to the worker.
void LiveLine::settle() const {
    const Counters& counters = workers_[0]->counters();
    for (std::uint64_t before = ~std::uint64_t{0}; before != counters[Counter::frames]; sleep_ms(20)) {
        before = counters[Counter::frames];
    }
}

bool LiveLine::is_output_done() const {
    const CounterValues values = outputs_.ledger(workers_).outputs[0].values;
    return values.sum(CounterRole::request_handed) ==
           values.sum(CounterRole::request_answered) + values.sum(CounterRole::request_failed);
}

}  // namespace rebuilder::bench
