// SPDX-License-Identifier: Apache-2.0
#include "outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <random>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace rebuilder {

namespace {

void add_output(const forward::Output& output, Snapshot::Forwarder& forwarder, Snapshot::Output& sums) {
    forwarder.connections = output.connections();
    if (sums.trouble.empty()) sums.trouble = output.trouble_now();
    const forward::Latency* latency = output.latency();
    if (latency == nullptr) return;
    const forward::Latency::Values values = latency->read();
    for (Snapshot::Latency* each : {&forwarder.latency, &sums.latency}) {
        each->counts.resize(values.counts.size());
        std::ranges::transform(values.counts, each->counts, each->counts.begin(), std::plus{});
        each->sum_s += static_cast<double>(values.sum_ns) / 1e9;
        each->bounds_s.clear();
        for (const std::uint64_t bound_ns : forward::Latency::bounds_ns) {
            each->bounds_s.push_back(static_cast<double>(bound_ns) / 1e9);
        }
    }
}

}  // namespace

std::size_t forwarders_of(const Config& config, const forward::OutputSpec& spec, std::size_t workers) {
    if (spec.kind != forward::OutputSpec::Kind::http) return 1;  // a file has one writer
    return std::min(config.forwarders != 0 ? config.forwarders : (workers + 1) / 2, workers);
}

namespace {

constexpr std::size_t most_gone = 256;

std::uint64_t selected(const CounterValues& counters) {
    return counters.sum(CounterRole::request_rebuilt) - counters.sum(CounterRole::request_filtered);
}

// An output that is stuck may hold its share of a worker's buffers, so that the others and the requests that are being
// assembled keep theirs.
std::size_t quota_of(const Config& config) {
    const std::size_t blocks = config.buffer_bytes / pipeline::Worker::block_bytes;
    return std::max<std::size_t>(blocks / (config.outputs.size() + 1), 1);
}

}  // namespace

Outputs::Outputs(const Config& config, std::size_t workers, std::size_t queue)
    : workers_(workers)
    , queue_(queue)
    , config_(config)
    , quota_blocks_(quota_of(config)) {
    for (const forward::OutputSpec& spec : config.outputs) outputs_.push_back(make(spec));
}

Outputs::~Outputs() {
    await_retirement();
}

Outputs::Output Outputs::make(const forward::OutputSpec& spec) const {
    // With one output its share is the largest.
    const std::size_t most_quota = config_.buffer_bytes / pipeline::Worker::block_bytes / 2;
    Output output;
    output.spec = spec;
    output.spec.waits = !started_;  // who runs has no time for that
    for (std::size_t i = 0; i < workers_; ++i) {
        output.channels.push_back(std::make_unique<forward::Channel>(queue_, quota_blocks_, most_quota));
    }
    if (spec.kind == forward::OutputSpec::Kind::http) {
        output.resolver =
            std::make_shared<forward::Resolver>(spec.text, spec.host, spec.port, config_.http_output.resolver);
    }
    const std::size_t forwarders = forwarders_of(config_, spec, workers_);
    for (std::size_t f = 0; f < forwarders; ++f) {
        std::vector<forward::Channel*> served;
        for (std::size_t w = f; w < workers_; w += forwarders) served.push_back(output.channels[w].get());
        output.forwarders.push_back(
            std::make_unique<forward::Forwarder>(output.spec, config_.http_output, std::move(served), output.resolver));
    }
    return output;
}

std::vector<pipeline::OutputLink> Outputs::links(std::size_t worker) const {
    std::vector<pipeline::OutputLink> links;
    for (const Output& output : outputs_) {
        const forward::EndpointBoard* addresses = output.resolver != nullptr ? &output.resolver->board() : nullptr;
        links.push_back({output.spec.form(), output.channels[worker].get(), addresses, quota_blocks_});
    }
    return links;
}

// ---- a change while it runs ----

void Outputs::change(const Config& config, bool renew) {
    if (gone_.size() + outputs_.size() > most_gone) {
        throw Error(ExitStatus::runtime, fmt::format("{} outputs have gone since the start: restart it", gone_.size()));
    }
    const auto stays = [renew](const Output& output) {
        return output.spec.kind != forward::OutputSpec::Kind::http || (!renew && !output.spec.tls);
    };
    // All new ones first: what can't be opened, or has no thread, throws.
    const Config before = std::exchange(config_, config);
    const std::size_t quota_before = std::exchange(quota_blocks_, quota_of(config));
    std::vector<std::optional<Output>> made;
    std::vector<Output*> kept;
    try {
        for (const forward::OutputSpec& spec : config.outputs) {
            const auto same = std::find_if(outputs_.begin(), outputs_.end(),
                [&](const Output& output) { return output.spec.text == spec.text && stays(output); });
            kept.push_back(same != outputs_.end() ? &*same : nullptr);
            made.push_back(same != outputs_.end() ? std::nullopt : std::optional(make(spec)));
        }
        for (const std::optional<Output>& output : made) {
            if (!output || !started_) continue;
            for (const auto& forwarder : output->forwarders) forwarder->start();
        }
    } catch (...) {
        config_ = before;
        quota_blocks_ = quota_before;
        throw;
    }
    const std::lock_guard lock(mutex_);
    std::vector<Output> next;
    for (std::size_t i = 0; i < made.size(); ++i) {
        next.push_back(made[i] ? std::move(*made[i]) : std::move(*kept[i]));
    }
    for (Output& output : outputs_) {
        if (!output.channels.empty()) leaving_.push_back(std::move(output));
    }
    outputs_ = std::move(next);
}

void Outputs::retire(std::uint64_t limit_ns) {
    retired_ = leaving_.empty();
    if (leaving_.empty()) return;
    for (Output& output : leaving_) {
        for (auto& forwarder : output.forwarders) forwarder->begin_drain(limit_ns);
    }
    const auto await = [this, limit_ns] {
        for (Output& output : leaving_) {
            for (auto& forwarder : output.forwarders) forwarder->drain(limit_ns);
        }
        retired_.store(true, std::memory_order_release);
    };
    try {
        retiring_ = std::thread(await);
    } catch (const std::system_error&) {
        await();  // the host has no thread for it: then we wait here
    }
}

void Outputs::await_retirement() {
    if (retiring_.joinable()) retiring_.join();
}

void Outputs::forget() {
    await_retirement();
    const std::lock_guard lock(mutex_);
    for (const Output& output : leaving_) {
        Gone gone = remains(output, {});
        const auto earlier =
            std::find_if(gone_.begin(), gone_.end(), [&](const Gone& each) { return each.name == gone.name; });
        if (earlier == gone_.end()) {
            gone_.push_back(std::move(gone));
        } else {
            *earlier = joined(*earlier, gone);
        }
    }
    leaving_.clear();
}

// ---- forwarders ----

void Outputs::start() {
    started_ = true;
    for (Output& output : outputs_) {
        for (auto& forwarder : output.forwarders) forwarder->start();
    }
}

bool Outputs::step(std::uint64_t timeout_ns) {
    bool left = false;
    for (Output& output : outputs_) {
        for (auto& forwarder : output.forwarders) left = forwarder->step(timeout_ns) || left;
    }
    return left;
}

void Outputs::begin_drain(std::uint64_t limit_ns) {
    for (Output& output : outputs_) {
        for (auto& forwarder : output.forwarders) forwarder->begin_drain(limit_ns);
    }
}

void Outputs::drain(std::uint64_t limit_ns) {
    begin_drain(limit_ns);
    for (Output& output : outputs_) {
        for (auto& forwarder : output.forwarders) forwarder->drain(limit_ns);
    }
}

std::vector<std::string> Outputs::descriptions() const {
    std::vector<std::string> lines;
    for (const Output& output : outputs_) {
        if (output.resolver == nullptr) continue;
        const std::size_t forwarders = output.forwarders.size();
        lines.push_back(
            fmt::format("output {}: {} forwarder{}, each with at most {} connections and {} MiB", output.spec.text,
                forwarders, forwarders == 1 ? "" : "s", forward::most_connections(output.spec, config_.http_output),
                (forward::most_bytes(output.spec, config_.http_output) >> 20) + 1));
    }
    return lines;
}

std::size_t Outputs::waiting() const noexcept {
    std::size_t most = 0;
    for (const Output& output : outputs_) {
        for (const auto& channel : output.channels) most = std::max(most, channel->waiting());
    }
    return most;
}

// ---- counters ----

CounterValues Outputs::Output::counters() const {
    CounterValues values;
    for (const auto& channel : channels) values += channel->handing().read();
    for (const auto& forwarder : forwarders) values += forwarder->counters().read();
    if (resolver != nullptr) values += resolver->counters().read();
    return values;
}

// Of a worker that hasn't left it yet, all that was selected until now.
Outputs::Gone Outputs::remains(const Output& output, Workers workers) {
    Gone gone{output.spec.text, output.counters(), 0};
    for (std::size_t i = 0; i < output.channels.size(); ++i) {
        if (const auto left_at = output.channels[i]->left_at()) {
            gone.left_at += *left_at;
        } else if (i < workers.size()) {
            gone.left_at += selected(workers[i]->counters().read());
        }
    }
    return gone;
}

// Two lives of one output. The later one says of all that was selected before it that it was absent, and so would count
// the earlier life again.
Outputs::Gone Outputs::joined(const Gone& earlier, const Gone& later) {
    Gone both = later;
    both.values += earlier.values;
    both.values.values[static_cast<std::size_t>(Counter::requests_absent)] -= earlier.left_at;
    return both;
}

Ledger Outputs::ledger(Workers workers) const {
    const std::lock_guard lock(mutex_);
    std::vector<CounterValues> present;
    for (const Output& output : outputs_) present.push_back(output.counters());
    return books(workers, present);
}

std::vector<Snapshot::Output> Outputs::snapshot(Workers workers) const {
    const std::lock_guard lock(mutex_);
    std::vector<Snapshot::Output> all;
    std::vector<CounterValues> present;
    for (const Output& output : outputs_) {
        look_at(output, all.emplace_back());
        present.push_back(all.back().counters);
    }
    const Ledger ledger = books(workers, present);
    all.resize(ledger.outputs.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
        all[i].name = ledger.outputs[i].name;
        all[i].counters = ledger.outputs[i].values;
    }
    return all;
}

void Outputs::look_at(const Output& output, Snapshot::Output& entry) {
    entry.forwarders.resize(output.forwarders.size());
    for (std::size_t w = 0; w < output.channels.size(); ++w) {
        Snapshot::Forwarder& forwarder = entry.forwarders[w % output.forwarders.size()];
        forwarder.counters += output.channels[w]->handing().read();
        forwarder.waiting.now += output.channels[w]->waiting();
        forwarder.waiting.most += output.channels[w]->capacity();
    }
    for (std::size_t f = 0; f < output.forwarders.size(); ++f) {
        Snapshot::Forwarder& forwarder = entry.forwarders[f];
        forwarder.counters += output.forwarders[f]->counters().read();
        entry.counters += forwarder.counters;
        add_output(output.forwarders[f]->output(), forwarder, entry);
        entry.waiting.now += forwarder.waiting.now;
        entry.waiting.most += forwarder.waiting.most;
        entry.connections += forwarder.connections;
    }
    if (output.resolver != nullptr) entry.counters += output.resolver->counters().read();
}

// Those that are there first, in their order; `present` is what they have counted.
Ledger Outputs::books(Workers workers, std::span<const CounterValues> present) const {
    Ledger ledger;
    for (const auto& worker : workers) ledger.workers += worker->counters().read();
    std::vector<Gone> past = gone_;
    for (const Output& output : leaving_) past.push_back(remains(output, workers));
    std::vector<Gone> all;
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
        all.push_back({outputs_[i].spec.text, present[i], selected(ledger.workers)});
    }
    const std::size_t living = all.size();
    // The latest life first, each with the one before it.
    for (std::size_t i = past.size(); i-- > 0;) {
        const auto later =
            std::find_if(all.begin(), all.end(), [&](const Gone& each) { return each.name == past[i].name; });
        if (later == all.end()) {
            all.push_back(past[i]);
        } else {
            *later = joined(past[i], *later);
        }
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        Gone& each = all[i];
        if (i >= living) {
            each.values.values[static_cast<std::size_t>(Counter::requests_absent)] +=
                selected(ledger.workers) - each.left_at;
        }
        ledger.outputs.push_back({each.name, each.values});
    }
    return ledger;
}

std::vector<std::string> Outputs::troubles() const {
    std::vector<std::string> sentences;
    for (const Output& output : outputs_) {
        for (const auto& forwarder : output.forwarders) {
            std::string sentence = forwarder->trouble();
            const bool told = std::find(sentences.begin(), sentences.end(), sentence) != sentences.end();
            if (!sentence.empty() && !told) sentences.push_back(std::move(sentence));
        }
    }
    return sentences;
}

pipeline::WorkerConfig worker_config(const Config& config, std::size_t workers) {
    std::random_device random;  // the kernel's: nobody outside can know where a flow will stand
    const auto word = [&random] { return (static_cast<std::uint64_t>(random()) << 32) | random(); };
    pipeline::WorkerConfig worker;
    worker.decap = config.decap;
    worker.tcp = config.tcp;
    worker.http = config.http;
    worker.rewriting = config.rewriting;
    worker.secret = {word(), word()};
    worker.buffer_bytes = config.buffer_bytes;
    worker.record_bodies = config.record_bodies;
    worker.selection = config.selection;
    worker.selection.workers = workers;
    worker.seed = word();
    return worker;
}

}  // namespace rebuilder
