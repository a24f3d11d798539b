// SPDX-License-Identifier: Apache-2.0
#include "base/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/json.h"

namespace rebuilder {
namespace {

void json_counters(std::string& out, const CounterValues& values, CounterScope scope) {
    const char* separator = "{";
    for (std::size_t i = 0; i < counter_count; ++i) {
        if (counter_table[i].scope != scope) continue;
        fmt::format_to(
            std::back_inserter(out), "{}\n    \"{}\": {}", separator, counter_table[i].name, values.values[i]);
        separator = ",";
    }
    out += "\n  }";
}

void text_counters(std::string& out, const CounterValues& values, CounterScope scope) {
    for (std::size_t i = 0; i < counter_count; ++i) {
        const CounterInfo& info = counter_table[i];
        if (info.scope != scope || values.values[i] == 0) continue;
        fmt::format_to(std::back_inserter(out), "  {:>14}  {:<28} {}\n", values.values[i], info.name, info.help);
    }
}

}  // namespace

std::vector<Law> Ledger::laws() const {
    using Role = CounterRole;
    std::vector<Law> laws{
        {"frames = segments + dropped", workers.sum(Role::frame_in),
            workers.sum(Role::frame_out) + workers.sum(Role::frame_drop)},
        {"payload bytes = delivered + dropped", workers.sum(Role::byte_in),
            workers.sum(Role::byte_out) + workers.sum(Role::byte_drop)},
        {"flows opened = ended", workers.sum(Role::flow_opened), workers.sum(Role::flow_ended)},
        {"requests started = rebuilt + lost", workers.sum(Role::request_start),
            workers.sum(Role::request_rebuilt) + workers.sum(Role::request_lost)},
    };
    for (const Output& output : outputs) {
        const CounterValues& values = output.values;
        laws.push_back({fmt::format("requests rebuilt = filtered + absent + shed + handed off ({})", output.name),
            workers.sum(Role::request_rebuilt),
            workers.sum(Role::request_filtered) + values.sum(Role::request_absent) + values.sum(Role::request_shed) +
                values.sum(Role::request_handed)});
        laws.push_back({fmt::format("handed off = answered + failed ({})", output.name),
            values.sum(Role::request_handed), values.sum(Role::request_answered) + values.sum(Role::request_failed)});
    }
    return laws;
}

bool Ledger::holds() const {
    const std::vector<Law> all = laws();
    return std::all_of(all.begin(), all.end(), [](const Law& law) { return law.holds(); });
}

std::string Ledger::json() const {
    std::string out = "{\n  \"laws\": [";
    const char* separator = "";
    for (const Law& law : laws()) {
        fmt::format_to(std::back_inserter(out), "{}\n    {{\"name\": {}, \"left\": {}, \"right\": {}, \"holds\": {}}}",
            separator, json_string(law.name), law.left, law.right, law.holds());
        separator = ",";
    }
    out += "\n  ],\n  \"counters\": ";
    json_counters(out, workers, CounterScope::worker);
    out += ",\n  \"outputs\": [";
    separator = "";
    for (const Output& output : outputs) {
        fmt::format_to(
            std::back_inserter(out), "{}{{\"output\": {}, \"counters\": ", separator, json_string(output.name));
        json_counters(out, output.values, CounterScope::output);
        out += "}";
        separator = ", ";
    }
    return out + "]\n}\n";
}

std::string Ledger::text() const {
    std::string out = "ledger\n";
    text_counters(out, workers, CounterScope::worker);
    for (const Output& output : outputs) {
        out += fmt::format("  output {}\n", output.name);
        text_counters(out, output.values, CounterScope::output);
    }
    for (const Law& law : laws()) {
        out += fmt::format("  {}  {}: {} = {}\n", law.holds() ? "holds" : "BROKEN", law.name, law.left, law.right);
    }
    return out;
}

}  // namespace rebuilder
