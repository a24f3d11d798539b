// SPDX-License-Identifier: Apache-2.0
#include "snapshot_reader.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "base/error.h"

namespace rebuilder {
namespace {

using Json = nlohmann::json;

const Json nothing;

const Json& member(const Json& object, const char* name) {
    if (!object.is_object()) return nothing;
    const auto found = object.find(name);
    return found == object.end() ? nothing : *found;
}

template <class Value>
void read(const Json& object, const char* name, Value& value) {
    const Json& found = member(object, name);
    if constexpr (std::is_same_v<Value, std::string>) {
        if (found.is_string()) value = found.get<std::string>();
    } else if constexpr (std::is_same_v<Value, bool>) {
        if (found.is_boolean()) value = found.get<bool>();
    } else if constexpr (std::is_integral_v<Value>) {
        if (found.is_number_unsigned()) value = static_cast<Value>(found.get<std::uint64_t>());
    } else {
        if (found.is_number()) value = found.get<Value>();
    }
}

template <class Item, class One>
void read_list(const Json& object, const char* name, std::vector<Item>& items, One&& one) {
    const Json& found = member(object, name);
    if (!found.is_array()) return;
    for (const Json& each : found) one(each, items.emplace_back());
}

void read_level(const Json& object, const char* now, const char* most, Snapshot::Level& level) {
    read(object, now, level.now);
    read(object, most, level.most);
}

void read_counters(const Json& object, CounterValues& counters) {
    const Json& found = member(object, "counters");
    for (std::size_t i = 0; i < counter_count; ++i) {
        read(found, std::string(counter_table[i].name).c_str(), counters.values[i]);
    }
}

void read_port(const Json& json, Snapshot::Port& port) {
    read(json, "name", port.name);
    read(json, "link", port.link);
    read(json, "frames", port.frames);
    read(json, "bytes", port.bytes);
    read(json, "missed", port.missed);
    read(json, "errors", port.errors);
    read(json, "no_buffers", port.no_buffers);
    const Json& xstats = member(json, "xstats");
    if (!xstats.is_object()) return;
    for (const auto& [name, value] : xstats.items()) {
        if (value.is_number_unsigned()) port.xstats.emplace_back(name, value.get<std::uint64_t>());
    }
}

void read_worker(const Json& json, Snapshot::Worker& worker) {
    read(json, "heartbeat_age_s", worker.heartbeat_age_s);
    read(json, "busy", worker.busy);
    read_level(json, "flows", "flows_most", worker.flows);
    read_level(json, "buffers", "buffers_most", worker.buffers);
    read_level(json, "held", "held_most", worker.held);
}

void read_output(const Json& json, Snapshot::Output& output) {
    constexpr std::size_t most_forwarders = 1024;
    std::size_t forwarders = 0;
    read(json, "name", output.name);
    read(json, "forwarders", forwarders);
    output.forwarders.resize(std::min(forwarders, most_forwarders));
    read_level(json, "waiting", "waiting_most", output.waiting);
    read(json, "connections", output.connections);
    read(json, "trouble", output.trouble);
    read_counters(json, output.counters);
    const Json& latency = member(json, "latency");
    const auto number = [](const Json& each, auto& value) {
        if (each.is_number()) value = each.get<std::remove_reference_t<decltype(value)>>();
    };
    read_list(latency, "le_s", output.latency.bounds_s, number);
    read_list(latency, "counts", output.latency.counts, number);
    output.latency.counts.resize(output.latency.bounds_s.size() + 1);
    read(latency, "sum_s", output.latency.sum_s);
}

void read_source(const Json& json, Snapshot::Source& source) {
    read(json, "vni", source.vni);
    read(json, "source", source.address);
    read(json, "frames", source.frames);
    read(json, "bytes", source.bytes);
}

void read_finding(const Json& json, Finding& finding) {
    std::string severity;
    read(json, "severity", severity);
    finding.severity = severity == "fine"      ? Finding::Severity::fine
                       : severity == "warning" ? Finding::Severity::warning
                                               : Finding::Severity::error;
    read(json, "text", finding.text);
    read(json, "do", finding.remedy);
}

}  // namespace

Snapshot read_snapshot(std::string json) {
    // A name in it may have any bytes, which the parser would refuse; no part of the syntax has such a byte.
    std::ranges::replace_if(
        json, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
    const Json all = Json::parse(json, nullptr, false);
    if (!all.is_object()) throw Error(ExitStatus::runtime, "what is answered is no snapshot of a rebuilder");
    Snapshot snapshot;
    read(all, "version", snapshot.version);
    read(all, "host", snapshot.host);
    read(all, "now", snapshot.now_s);
    read(all, "uptime_s", snapshot.uptime_s);
    read(member(all, "health"), "reason", snapshot.ill_health);
    read_list(all, "ports", snapshot.ports, read_port);
    read_list(all, "workers", snapshot.workers, read_worker);
    read_list(all, "outputs", snapshot.outputs, read_output);
    read_list(all, "sources", snapshot.sources, read_source);
    read_counters(all, snapshot.counters);
    read_list(all, "findings", snapshot.findings, read_finding);
    return snapshot;
}

}  // namespace rebuilder
