// SPDX-License-Identifier: Apache-2.0
#include "telemetry.h"

#include <fmt/format.h>

#include <charconv>
#include <string>
#include <utility>

namespace rebuilder {
namespace {

using Entries = std::vector<nic::TelemetryEntry>;

Entries counters(const CounterValues& values, CounterScope scope) {
    Entries entries;
    for (std::size_t i = 0; i < counter_count; ++i) {
        if (counter_table[i].scope == scope) entries.push_back({std::string(counter_table[i].name), values.values[i]});
    }
    return entries;
}

Entries stats(const Snapshot& snapshot, const std::string& parameter) {
    if (!parameter.empty()) {
        std::size_t worker = 0;
        const auto [end, error] = std::from_chars(parameter.data(), parameter.data() + parameter.size(), worker);
        if (error != std::errc{} || end != parameter.data() + parameter.size() || worker >= snapshot.workers.size()) {
            return {{"error", fmt::format("there is no worker {}, only {}", parameter, snapshot.workers.size())}};
        }
        return counters(snapshot.workers[worker].counters, CounterScope::worker);
    }
    Entries outputs;
    for (std::size_t i = 0; i < snapshot.outputs.size(); ++i) {
        const Snapshot::Output& output = snapshot.outputs[i];
        Entries entries = counters(output.counters, CounterScope::output);
        entries.insert(entries.begin(), {"name", output.name});
        outputs.push_back({std::to_string(i), std::move(entries)});
    }
    return {{"counters", counters(snapshot.counters, CounterScope::worker)}, {"outputs", std::move(outputs)}};
}

void add_level(Entries& entries, const std::string& name, const Snapshot::Level& level) {
    entries.push_back({name, level.now});
    entries.push_back({name + "_limit", level.most});
}

Entries flows(const Snapshot& snapshot) {
    Entries workers;
    for (std::size_t i = 0; i < snapshot.workers.size(); ++i) {
        const Snapshot::Worker& worker = snapshot.workers[i];
        Entries entries;
        add_level(entries, "flows", worker.flows);
        add_level(entries, "buffers", worker.buffers);
        add_level(entries, "held_blocks", worker.held);
        entries.push_back({"heartbeat_age_ms", static_cast<std::uint64_t>(worker.heartbeat_age_s * 1000)});
        entries.push_back({"busy_percent", static_cast<std::uint64_t>(worker.busy * 100 + 0.5)});
        workers.push_back({std::to_string(i), std::move(entries)});
    }
    Entries outputs;
    for (std::size_t i = 0; i < snapshot.outputs.size(); ++i) {
        const Snapshot::Output& output = snapshot.outputs[i];
        Entries entries{{"name", output.name}};
        add_level(entries, "waiting", output.waiting);
        entries.push_back({"connections", output.connections});
        outputs.push_back({std::to_string(i), std::move(entries)});
    }
    return {{"workers", std::move(workers)}, {"outputs", std::move(outputs)}};
}

Entries options(const Snapshot& snapshot) {
    Entries entries;
    for (const auto& [name, value] : snapshot.options) entries.push_back({name, value});
    return entries;
}

}  // namespace

std::vector<nic::TelemetryCommand> telemetry_commands(std::function<Snapshot()> snapshot) {
    return {
        {"/rebuilder/stats", "All counters. Parameter: a worker's number, for its alone",
            [snapshot](const std::string& parameter) { return stats(snapshot(), parameter); }},
        {"/rebuilder/flows", "Connections, buffers and waiting requests, with their limits. No parameters",
            [snapshot](const std::string&) { return flows(snapshot()); }},
        {"/rebuilder/config", "Every option with its value. No parameters",
            [snapshot](const std::string&) { return options(snapshot()); }},
    };
}

}  // namespace rebuilder
