// SPDX-License-Identifier: Apache-2.0
#include "stages.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "set_aside.h"

namespace rebuilder {
namespace {

// The beginning of a counter's help that says why, without what follows from it.
std::string reason_text(std::string_view help) {
    for (const std::string_view prefix : {"not sent: ", "HTTP/2: "}) {
        if (help.starts_with(prefix)) help.remove_prefix(prefix.size());
    }
    help = help.substr(0, std::min(help.find_first_of(":;("), help.find(", ")));
    while (help.ends_with(' ')) help.remove_suffix(1);
    return std::string(help);
}

void add_reasons(Stage& stage, const CounterValues& counters, CounterRole role, std::uint64_t times = 1) {
    for (std::size_t i = 0; i < counter_count; ++i) {
        if (counter_table[i].role != role || counters.values[i] == 0) continue;
        stage.reasons.push_back(
            {reason_text(counter_table[i].help), counters.values[i] * times, !is_set_aside(static_cast<Counter>(i))});
    }
}

std::uint64_t minus(std::uint64_t now, std::uint64_t before) {
    return now > before ? now - before : 0;
}

CounterValues minus(CounterValues now, const CounterValues& before) {
    for (std::size_t i = 0; i < counter_count; ++i) now.values[i] = minus(now.values[i], before.values[i]);
    return now;
}

// The one of `items` that is the same thing as `wanted`, by `key`; null if there is none.
template <class Item, class Key>
const Item* same(const std::vector<Item>& items, const Item& wanted, Key key) {
    const auto found = std::ranges::find_if(
        items, [&](const Item& each) { return std::invoke(key, each) == std::invoke(key, wanted); });
    return found == items.end() ? nullptr : &*found;
}

}  // namespace

double Stage::lost() const noexcept {
    std::uint64_t sum = 0;
    for (const Reason& reason : reasons) sum += reason.loss ? reason.amount : 0;
    return in == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(in);
}

std::vector<Stage> stages(const Snapshot& snapshot) {
    const CounterValues& counters = snapshot.counters;
    CounterValues sent;
    for (const Snapshot::Output& output : snapshot.outputs) sent += output.counters;
    const std::uint64_t outputs = std::max<std::size_t>(snapshot.outputs.size(), 1);
    std::uint64_t missed = 0;
    for (const Snapshot::Port& port : snapshot.ports) missed += port.missed + port.no_buffers;
    const std::uint64_t gaps = counters[Counter::tcp_gap_bytes];
    const std::uint64_t rebuilt = counters[Counter::requests_rebuilt];

    Stage frames{
        .name = "frames", .in = counters[Counter::frames] + missed, .on = counters[Counter::segments], .reasons = {}};
    if (missed != 0) frames.reasons.push_back({"missed by the port", missed, true});
    add_reasons(frames, counters, CounterRole::frame_drop);

    Stage payload{.name = "TCP payload",
        .in = counters[Counter::tcp_payload_bytes] + gaps,
        .on = counters[Counter::tcp_delivered_bytes],
        .reasons = {},
        .in_bytes = true};
    if (gaps != 0) payload.reasons.push_back({"never seen: holes in the streams", gaps, true});
    add_reasons(payload, counters, CounterRole::byte_drop);

    Stage requests{.name = "requests", .in = counters[Counter::requests_started], .on = rebuilt, .reasons = {}};
    add_reasons(requests, counters, CounterRole::request_lost);

    Stage selected{.name = "rebuilt", .in = rebuilt * outputs, .on = sent[Counter::handed_off], .reasons = {}};
    add_reasons(selected, counters, CounterRole::request_filtered, outputs);
    add_reasons(selected, sent, CounterRole::request_shed);

    Stage handed{.name = "handed off",
        .in = sent[Counter::handed_off],
        .on = sent.sum(CounterRole::request_answered),
        .reasons = {}};
    add_reasons(handed, sent, CounterRole::request_failed);

    std::vector<Stage> all{frames, payload, requests, selected, handed};
    const auto order = [](const Stage::Reason& reason) { return std::pair(reason.loss, reason.amount); };
    for (Stage& stage : all) std::ranges::stable_sort(stage.reasons, std::greater{}, order);
    return all;
}

Snapshot difference(const Snapshot& before, const Snapshot& now) {
    Snapshot out = now;
    out.counters = minus(now.counters, before.counters);
    for (Snapshot::Port& port : out.ports) {
        const Snapshot::Port* was = same(before.ports, port, &Snapshot::Port::name);
        if (was == nullptr) continue;
        port.frames = minus(port.frames, was->frames);
        port.bytes = minus(port.bytes, was->bytes);
        port.missed = minus(port.missed, was->missed);
        port.errors = minus(port.errors, was->errors);
        port.no_buffers = minus(port.no_buffers, was->no_buffers);
    }
    for (Snapshot::Output& output : out.outputs) {
        const Snapshot::Output* was = same(before.outputs, output, &Snapshot::Output::name);
        if (was == nullptr) continue;
        output.counters = minus(output.counters, was->counters);
        const std::size_t counts = std::min(output.latency.counts.size(), was->latency.counts.size());
        for (std::size_t i = 0; i < counts; ++i) {
            output.latency.counts[i] = minus(output.latency.counts[i], was->latency.counts[i]);
        }
    }
    for (Snapshot::Source& source : out.sources) {
        const auto key = [](const Snapshot::Source& each) { return std::pair(each.vni, each.address); };
        const Snapshot::Source* was = same(before.sources, source, key);
        if (was == nullptr) continue;
        source.frames = minus(source.frames, was->frames);
        source.bytes = minus(source.bytes, was->bytes);
    }
    return out;
}

double percentile(const Snapshot::Latency& latency, double share) {
    double all = 0;
    for (const std::uint64_t count : latency.counts) all += static_cast<double>(count);
    const double wanted = all * share;
    double passed = 0;
    for (std::size_t i = 0; i < latency.counts.size(); ++i) {
        const auto count = static_cast<double>(latency.counts[i]);
        if (count > 0 && passed + count >= wanted) {
            const double low = i == 0 ? 0 : latency.bounds_s[i - 1];
            // Of what is behind the last bound no more is known than that.
            const double high = i < latency.bounds_s.size() ? latency.bounds_s[i] : low;
            return low + (high - low) * std::max(wanted - passed, 0.0) / count;
        }
        passed += count;
    }
    return -1;
}

}  // namespace rebuilder
