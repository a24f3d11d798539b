// SPDX-License-Identifier: Apache-2.0
// Outputs: every output with its forwarders, and the channels between them and the workers.
//
// Each worker has one channel to each output, so the requests of one connection stay in order; a forwarder serves the
// channels of one or more workers, and one output only, so that a dead output holds up no other.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/ledger.h"
#include "config.h"
#include "forward/forwarder.h"
#include "pipeline/worker.h"

namespace rebuilder {

class Outputs {
  public:
    // `queue`: slots that may wait in one channel. Throws what opening an output throws.
    Outputs(const Config& config, std::size_t workers, std::size_t queue);

    // What worker number `worker` is to be given.
    [[nodiscard]] std::vector<pipeline::OutputLink> links(std::size_t worker) const;

    // Each forwarder on a thread of its own.
    void start();
    // Without threads: one round of all forwarders. True when anything is left to do.
    bool step(std::uint64_t timeout_ns);
    // Ends all forwarders within `limit_ns`, side by side if they have threads. The workers have drained before.
    void drain(std::uint64_t limit_ns);

    // A line for each HTTP output: what it can come to use.
    [[nodiscard]] std::vector<std::string> descriptions() const;
    // The most slots that wait in any one channel.
    [[nodiscard]] std::size_t waiting() const noexcept;

    // All counters so far, with those of the workers.
    [[nodiscard]] Ledger ledger(std::span<const std::unique_ptr<pipeline::Worker>> workers) const;
    // After drain(): a sentence for each output that could not do its work.
    [[nodiscard]] std::vector<std::string> troubles() const;

  private:
    struct Output {
        forward::OutputSpec spec;
        std::shared_ptr<forward::Resolver> resolver;              // of an http output
        std::vector<std::unique_ptr<forward::Channel>> channels;  // one a worker
        std::vector<std::unique_ptr<forward::Forwarder>> forwarders;
    };
    forward::HttpOptions options_;
    std::vector<Output> outputs_;
};

// How many forwarders an output has.
[[nodiscard]] std::size_t forwarders_of(const Config& config, const forward::OutputSpec& spec, std::size_t workers);

// What one of `workers` needs to know, of all that is configured.
[[nodiscard]] pipeline::WorkerConfig worker_config(const Config& config, std::size_t workers);

}  // namespace rebuilder
