// SPDX-License-Identifier: Apache-2.0
#include "monitor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <utility>

#include "config_print.h"
#include "diagnosis.h"
#include "nic/clock.h"
#include "packet/address_text.h"

namespace rebuilder {
namespace {

double seconds(std::uint64_t ns) {
    return static_cast<double>(ns) / 1e9;
}

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

Snapshot::Port look_at(nic::Port& port) {
    const nic::PortStats stats = port.stats();
    return {.name = port.name(),
        .link = port.link_up(),
        .frames = stats.frames,
        .bytes = stats.bytes,
        .missed = stats.missed,
        .errors = stats.errors,
        .no_buffers = stats.no_buffers,
        .xstats = port.extended_stats()};
}

}  // namespace

Monitor::Monitor(const Config& config, std::vector<nic::Port>& ports, const Workers& workers, const Statuses& statuses,
    const Outputs& outputs, std::function<std::string()> ill_health, std::function<CounterValues()> others)
    : config_(config)
    , ports_(ports)
    , workers_(workers)
    , statuses_(statuses)
    , outputs_(outputs)
    , ill_health_(std::move(ill_health))
    , others_(std::move(others))
    , host_(host_name())
    , started_ns_(nic::HostTime::monotonic_ns()) {
    tick();
}

void Monitor::tick() {
    Seen seen;
    for (nic::Port& port : ports_) seen.ports.push_back(look_at(port));
    for (const Option& option : option_table()) {
        seen.options.emplace_back(option.name, fmt::format("{}", fmt::join(option.get(config_), ", ")));
    }
    {
        const std::lock_guard lock(mutex_);
        seen_ = std::move(seen);
    }
    Snapshot now = take();
    const std::lock_guard lock(mutex_);
    constexpr std::size_t ticks_kept = 10;
    if (past_.size() == ticks_kept) past_.pop_front();
    past_.push_back(now);
    before_ = std::exchange(last_, std::move(now));
}

Snapshot Monitor::take() const {
    Snapshot before;
    Snapshot past;
    Snapshot snapshot;
    {
        const std::lock_guard lock(mutex_);
        before = before_;
        if (!past_.empty()) past = past_.front();
        snapshot.ports = seen_.ports;
        snapshot.options = seen_.options;
    }
    const std::uint64_t now_ns = nic::HostTime::monotonic_ns();
    snapshot.version = REBUILDER_VERSION;
    snapshot.host = host_;
    snapshot.now_s = seconds(nic::HostTime::wall_ns());
    snapshot.uptime_s = seconds(now_ns - started_ns_);
    snapshot.ill_health = ill_health_();
    take_workers(snapshot, before, now_ns);
    take_sources(snapshot);
    snapshot.outputs = outputs_.snapshot(workers_);
    if (!past.version.empty()) snapshot.findings = diagnose(past, snapshot);
    return snapshot;
}

// A source that several workers see is one.
void Monitor::take_sources(Snapshot& snapshot) const {
    using pipeline::SourceTable;
    std::map<std::pair<std::uint32_t, packet::IpAddress>, SourceTable::Source> all;
    for (const auto& worker : workers_) {
        std::vector<SourceTable::Source> sources;
        SourceTable::Source others;
        for (int tries = 0; tries < 100 && !worker->sources().read(sources, others);) ++tries;
        for (const SourceTable::Source& source : sources) {
            SourceTable::Source& sum = all[{source.origin.vni, source.origin.source}];
            sum.frames += source.frames;
            sum.bytes += source.bytes;
        }
        snapshot.other_sources.frames += others.frames;
        snapshot.other_sources.bytes += others.bytes;
    }
    for (const auto& [origin, sum] : all) {
        const packet::AddressText address(origin.second);
        snapshot.sources.push_back({origin.first, std::string(address.view()), sum.frames, sum.bytes});
    }
    std::ranges::stable_sort(snapshot.sources, std::greater{}, &Snapshot::Source::frames);
}

void Monitor::take_workers(Snapshot& snapshot, const Snapshot& before, std::uint64_t now_ns) const {
    snapshot.counters = others_();
    const double passed_s = snapshot.uptime_s - before.uptime_s;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        const WorkerStatus& status = *statuses_[i];
        const pipeline::WorkerUsage most = workers_[i]->most_usage();
        Snapshot::Worker& worker = snapshot.workers.emplace_back();
        const std::uint64_t beat_ns = status.heartbeat_ns.load(std::memory_order_relaxed);
        if (!status.finished && now_ns > beat_ns) {
            worker.heartbeat_age_s = std::min(seconds(now_ns - beat_ns), snapshot.uptime_s);
        }
        worker.busy_s = seconds(status.busy_ns.load(std::memory_order_relaxed));
        const double busy_before_s = i < before.workers.size() ? before.workers[i].busy_s : 0;
        if (passed_s > 0) worker.busy = std::clamp((worker.busy_s - busy_before_s) / passed_s, 0.0, 1.0);
        worker.flows = {status.flows.load(std::memory_order_relaxed), most.flows};
        worker.buffers = {status.buffers.load(std::memory_order_relaxed), most.buffers};
        worker.held = {status.held.load(std::memory_order_relaxed), most.held};
        worker.counters = workers_[i]->counters().read();
        snapshot.counters += worker.counters;
    }
}

}  // namespace rebuilder
