// SPDX-License-Identifier: Apache-2.0
#include "snapshot.h"

#include <fmt/format.h>

#include <iterator>

#include "base/json.h"

namespace rebuilder {
namespace {

template <class... Values>
void put(std::string& out, fmt::format_string<Values...> format, Values&&... values) {
    fmt::format_to(std::back_inserter(out), format, std::forward<Values>(values)...);
}

// "[" + each of `list`, by `one`, with commas between + "]"
template <class List, class One>
void put_list(std::string& out, const List& list, One&& one) {
    const char* separator = "[";
    for (const auto& each : list) {
        out += separator;
        one(each);
        separator = ",";
    }
    out += list.empty() ? "[]" : "]";
}

void put_counters(std::string& out, const CounterValues& counters, CounterScope scope) {
    const char* separator = "{";
    for (std::size_t i = 0; i < counter_count; ++i) {
        if (counter_table[i].scope != scope) continue;
        put(out, "{}\"{}\":{}", separator, counter_table[i].name, counters.values[i]);
        separator = ",";
    }
    out += '}';
}

void put_port(std::string& out, const Snapshot::Port& port) {
    put(out, R"({{"name":{},"link":{},"frames":{},"bytes":{},"missed":{},"errors":{},"no_buffers":{},"xstats":{{)",
        json_string(port.name), port.link, port.frames, port.bytes, port.missed, port.errors, port.no_buffers);
    const char* separator = "";
    for (const auto& [name, value] : port.xstats) {
        put(out, "{}{}:{}", separator, json_string(name), value);
        separator = ",";
    }
    out += "}}";
}

void put_worker(std::string& out, const Snapshot::Worker& worker) {
    put(out,
        R"({{"heartbeat_age_s":{:.3f},"busy":{:.3f},"flows":{},"flows_most":{},"buffers":{},"buffers_most":{},)"
        R"("held":{},"held_most":{}}})",
        worker.heartbeat_age_s, worker.busy, worker.flows.now, worker.flows.most, worker.buffers.now,
        worker.buffers.most, worker.held.now, worker.held.most);
}

void put_output(std::string& out, const Snapshot::Output& output) {
    put(out, R"({{"name":{},"forwarders":{},"waiting":{},"waiting_most":{},"connections":{},"trouble":{},"counters":)",
        json_string(output.name), output.forwarders.size(), output.waiting.now, output.waiting.most, output.connections,
        json_string(output.trouble));
    put_counters(out, output.counters, CounterScope::output);
    out += R"(,"latency":{"le_s":)";
    put_list(out, output.latency.bounds_s, [&out](double bound) { put(out, "{}", bound); });
    out += R"(,"counts":)";
    put_list(out, output.latency.counts, [&out](std::uint64_t count) { put(out, "{}", count); });
    put(out, R"(,"sum_s":{:.6f}}}}})", output.latency.sum_s);
}

void put_source(std::string& out, const Snapshot::Source& source) {
    put(out, R"({{"vni":{},"source":{},"frames":{},"bytes":{}}})", source.vni, json_string(source.address),
        source.frames, source.bytes);
}

void put_law(std::string& out, const Law& law) {
    put(out, R"({{"name":{},"left":{},"right":{}}})", json_string(law.name), law.left, law.right);
}

void put_finding(std::string& out, const Finding& finding) {
    put(out, R"({{"severity":"{}","text":{},"do":{}}})", name_of(finding.severity), json_string(finding.text),
        json_string(finding.remedy));
}

}  // namespace

const char* name_of(Finding::Severity severity) noexcept {
    switch (severity) {
    case Finding::Severity::fine: return "fine";
    case Finding::Severity::warning: return "warning";
    case Finding::Severity::error: break;
    }
    return "error";
}

Ledger Snapshot::ledger() const {
    Ledger ledger;
    ledger.workers = counters;
    for (const Output& output : outputs) ledger.outputs.push_back({output.name, output.counters});
    return ledger;
}

std::string Snapshot::json() const {
    std::string out;
    put(out, R"({{"version":{},"host":{},"now":{:.3f},"uptime_s":{:.3f},"health":{{"ok":{},"reason":{}}},)",
        json_string(version), json_string(host), now_s, uptime_s, ill_health.empty(), json_string(ill_health));
    out += "\n\"ports\":";
    put_list(out, ports, [&out](const Port& port) { put_port(out, port); });
    out += ",\n\"workers\":";
    put_list(out, workers, [&out](const Worker& worker) { put_worker(out, worker); });
    out += ",\n\"outputs\":";
    put_list(out, outputs, [&out](const Output& output) { put_output(out, output); });
    out += ",\n\"sources\":";
    put_list(out, sources, [&out](const Source& source) { put_source(out, source); });
    put(out, ",\n\"other_sources\":{{\"frames\":{},\"bytes\":{}}}", other_sources.frames, other_sources.bytes);
    out += ",\n\"counters\":";
    put_counters(out, counters, CounterScope::worker);
    out += ",\n\"laws\":";
    put_list(out, ledger().laws(), [&out](const Law& law) { put_law(out, law); });
    out += ",\n\"findings\":";
    put_list(out, findings, [&out](const Finding& finding) { put_finding(out, finding); });
    return out + "}\n";
}

}  // namespace rebuilder
