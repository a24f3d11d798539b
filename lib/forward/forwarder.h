// SPDX-License-Identifier: Apache-2.0
// Forwarder: the consumer ends of some channels, one output, and the thread that moves slots from one to
// the other.
//
// In:    slots from the channels, a slot from each in turn, so that none can crowd out another.
// Out:   the same slots back on their channels. Counters: one block, written here; handed off = answered
//        + failed holds once drain() has returned.
// Never: is woken by a worker: workers make no system calls. With nothing to do the thread looks a few
//        times more, then sleeps in the output's poll: for 200 us at a time while slots come often, for a
//        millisecond when there was none for long. No slot goes unnoticed for longer.
//
// step() does one round, for whoever has no thread to spare (replay) and for tests; start() runs rounds
// on a thread of its own, which are round().
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/counters.h"
#include "base/idle.h"
#include "forward/handoff.h"
#include "forward/output.h"

namespace rebuilder::forward {

class Forwarder {
  public:
    // The channels outlive the forwarder. The forwarders of one output share a resolver. Throws what make_output() throws.
    Forwarder(const OutputSpec& spec, const HttpOptions& options, std::vector<Channel*> channels,
        std::shared_ptr<Resolver> resolver = nullptr);
    ~Forwarder();  // stops the thread; what is pending then is abandoned

    Forwarder(const Forwarder&) = delete;
    Forwarder& operator=(const Forwarder&) = delete;

    // One round: takes what the output is ready for, lets it work, waits at most `timeout_ns`. True when
    // anything is left to do. Not while the thread runs.
    bool step(std::uint64_t timeout_ns);
    // The same, with the wait that follows from what the last rounds had to do.
    void round();

    void start();

    // Sends what is waiting, for at most `limit_ns`; then what is left is failed_drain. No slot may be
    // offered any more. Ends the thread, if there is one.
    void drain(std::uint64_t limit_ns);
    // Lets the thread do that, and doesn't wait for it; drain() then does. Without a thread it does nothing.
    void begin_drain(std::uint64_t limit_ns) noexcept;

    [[nodiscard]] const Counters& counters() const noexcept { return counters_; }
    [[nodiscard]] const OutputSpec& spec() const noexcept { return spec_; }
    // After drain(): Output::trouble().
    [[nodiscard]] std::string trouble() const { return output_->trouble(); }
    // Its output, for what any thread may ask of it.
    [[nodiscard]] const Output& output() const noexcept { return *output_; }

  private:
    void run();
    void step_at(std::uint64_t now_ns, std::uint64_t timeout_ns);
    void drain_now(std::uint64_t limit_ns);
    void take(std::uint64_t now_ns);
    [[nodiscard]] bool anything_left() const;
    void done(const Slot& slot, std::uint32_t channel, Counter outcome);

    OutputSpec spec_;
    std::vector<Channel*> channels_;
    Counters counters_;  // forwarder: w, control: r
    std::unique_ptr<Output> output_;
    std::size_t next_channel_ = 0;
    std::uint64_t moves_ = 0;         // slots taken and slots given back
    std::uint64_t moves_before_ = 0;  // the last round()
    Idle idle_;
    std::thread thread_;
    std::atomic<std::uint64_t> drain_limit_ns_{0};  // control: w, forwarder: r
    std::atomic<bool> stop_{false};                 // control: w, forwarder: r
};

}  // namespace rebuilder::forward
