// SPDX-License-Identifier: Apache-2.0
#include "outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace rebuilder {

std::size_t forwarders_of(const Config& config, const forward::OutputSpec& spec, std::size_t workers) {
    if (spec.kind != forward::OutputSpec::Kind::http) return 1;  // a file has one writer
    return std::min(config.forwarders != 0 ? config.forwarders : (workers + 1) / 2, workers);
}

Outputs::Outputs(const Config& config, std::size_t workers, std::size_t queue) : options_(config.http_output) {
    // An output that is stuck may hold its share of a worker's buffers, so that the others and the requests that are
    // being assembled keep theirs.
    const std::size_t blocks = config.buffer_bytes / pipeline::Worker::block_bytes;
    const std::size_t quota = std::max<std::size_t>(blocks / (config.outputs.size() + 1), 1);
    for (const forward::OutputSpec& spec : config.outputs) {
        Output& output = outputs_.emplace_back();
        output.spec = spec;
        for (std::size_t i = 0; i < workers; ++i) {
            output.channels.push_back(std::make_unique<forward::Channel>(queue, quota));
        }
        const std::size_t forwarders = forwarders_of(config, spec, workers);
        if (spec.kind == forward::OutputSpec::Kind::http) {
            output.resolver =
                std::make_shared<forward::Resolver>(spec.text, spec.host, spec.port, config.http_output.resolver);
        }
        for (std::size_t f = 0; f < forwarders; ++f) {
            std::vector<forward::Channel*> served;
            for (std::size_t w = f; w < workers; w += forwarders) served.push_back(output.channels[w].get());
            output.forwarders.push_back(
                std::make_unique<forward::Forwarder>(spec, config.http_output, std::move(served), output.resolver));
        }
    }
}

std::vector<pipeline::OutputLink> Outputs::links(std::size_t worker) const {
    std::vector<pipeline::OutputLink> links;
    for (const Output& output : outputs_) {
        const forward::EndpointBoard* addresses = output.resolver != nullptr ? &output.resolver->board() : nullptr;
        links.push_back({output.spec.form(), output.channels[worker].get(), addresses});
    }
    return links;
}

void Outputs::start() {
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

void Outputs::drain(std::uint64_t limit_ns) {
    for (Output& output : outputs_) {
        for (auto& forwarder : output.forwarders) forwarder->begin_drain(limit_ns);
    }
    for (Output& output : outputs_) {
        for (auto& forwarder : output.forwarders) forwarder->drain(limit_ns);
    }
}

std::vector<std::string> Outputs::descriptions() const {
    std::vector<std::string> lines;
    for (const Output& output : outputs_) {
        if (output.resolver == nullptr) continue;
        const std::size_t forwarders = output.forwarders.size();
        lines.push_back(fmt::format("output {}: {} forwarder{}, each with at most {} connections and {} MiB",
            output.spec.text, forwarders, forwarders == 1 ? "" : "s", forward::most_connections(output.spec, options_),
            (forward::most_bytes(output.spec, options_) >> 20) + 1));
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

Ledger Outputs::ledger(std::span<const std::unique_ptr<pipeline::Worker>> workers) const {
    Ledger ledger;
    for (const auto& worker : workers) ledger.workers += worker->counters().read();
    for (const Output& output : outputs_) {
        Ledger::Output& entry = ledger.outputs.emplace_back();
        entry.name = output.spec.text;
        for (const auto& channel : output.channels) entry.values += channel->handing().read();
        for (const auto& forwarder : output.forwarders) entry.values += forwarder->counters().read();
        if (output.resolver != nullptr) entry.values += output.resolver->counters().read();
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
