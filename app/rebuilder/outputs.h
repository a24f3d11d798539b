// SPDX-License-Identifier: Apache-2.0
// Outputs: every output with its forwarders, and the channels between them and the workers.
//
// Each worker has one channel to each output, so the requests of one connection stay in order; a forwarder serves the
// channels of one or more workers, and one output only, so that a dead output holds up no other.
//
// A reload may change which there are while all of it runs, in this order:
//   change()       the new ones are there, those that stay are untouched, the others go on until
//   retire()       no worker offers them anything any more; they send what they have, on a thread of their own
//   forget()       every worker has all its blocks back; what they counted stays in the ledger
// Used by the control thread; ledger() and snapshot() by any.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/ledger.h"
#include "config.h"
#include "forward/forwarder.h"
#include "pipeline/worker.h"
#include "snapshot.h"

namespace rebuilder {

class Outputs {
  public:
    using Workers = std::span<const std::unique_ptr<pipeline::Worker>>;

    // `queue`: slots that may wait in one channel. Throws what opening an output throws.
    Outputs(const Config& config, std::size_t workers, std::size_t queue);
    ~Outputs();

    // What worker number `worker` is to be given.
    [[nodiscard]] std::vector<pipeline::OutputLink> links(std::size_t worker) const;

    // Each forwarder on a thread of its own.
    void start();
    // Without threads: one round of all forwarders. True when anything is left to do.
    bool step(std::uint64_t timeout_ns);
    // Ends all forwarders within `limit_ns`, side by side if they have threads. The workers have drained before. The first
    // lets those with threads begin, and doesn't wait.
    void begin_drain(std::uint64_t limit_ns);
    void drain(std::uint64_t limit_ns);

    // The outputs of `config`, and only those. One that was there stays, with all it has; if `renew`, only files and the
    // like do, and of https outputs none does, so that their certificates are read again. The new ones are started, if
    // start() was called. Throws what opening one throws, and then nothing has changed. Not before forget().
    void change(const Config& config, bool renew);
    void retire(std::uint64_t limit_ns);
    [[nodiscard]] bool retired() const noexcept { return retired_.load(std::memory_order_acquire); }
    void await_retirement();
    void forget();

    // A line for each HTTP output: what it can come to use.
    [[nodiscard]] std::vector<std::string> descriptions() const;
    // The most slots that wait in any one channel.
    [[nodiscard]] std::size_t waiting() const noexcept;

    // All counters so far, with those of the workers. An output that is gone is in it, too.
    [[nodiscard]] Ledger ledger(Workers workers) const;
    // What each output is doing, and what it has counted, as in the ledger. One that is gone has no forwarders. Any thread.
    [[nodiscard]] std::vector<Snapshot::Output> snapshot(Workers workers) const;
    // After drain(): a sentence for each output that could not do its work.
    [[nodiscard]] std::vector<std::string> troubles() const;

  private:
    struct Output {
        forward::OutputSpec spec;
        std::shared_ptr<forward::Resolver> resolver;              // of an http output
        std::vector<std::unique_ptr<forward::Channel>> channels;  // one a worker
        std::vector<std::unique_ptr<forward::Forwarder>> forwarders;

        [[nodiscard]] CounterValues counters() const;
    };
    // What is left of an output that is gone.
    struct Gone {
        std::string name;
        CounterValues values;
        std::uint64_t left_at = 0;  // requests selected by all workers until each of them left it
    };

    [[nodiscard]] Output make(const forward::OutputSpec& spec) const;
    [[nodiscard]] static Gone remains(const Output& output, Workers workers);
    [[nodiscard]] Ledger books(Workers workers, std::span<const CounterValues> present) const;
    static void look_at(const Output& output, Snapshot::Output& entry);
    [[nodiscard]] static Gone joined(const Gone& earlier, const Gone& later);

    std::size_t workers_;
    std::size_t queue_;
    Config config_;  // of the outputs that are made
    std::size_t quota_blocks_ = 0;
    bool started_ = false;

    mutable std::mutex mutex_;  // what follows, where it is changed or read by others than the control thread
    std::vector<Output> outputs_;
    std::vector<Output> leaving_;
    std::vector<Gone> gone_;  // by name

    std::thread retiring_;
    std::atomic<bool> retired_{true};  // retiring thread: w, control: rw between two of them
};

// How many forwarders an output has.
[[nodiscard]] std::size_t forwarders_of(const Config& config, const forward::OutputSpec& spec, std::size_t workers);

// What one of `workers` needs to know, of all that is configured.
[[nodiscard]] pipeline::WorkerConfig worker_config(const Config& config, std::size_t workers);

}  // namespace rebuilder
