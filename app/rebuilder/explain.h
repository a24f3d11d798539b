// SPDX-License-Identifier: Apache-2.0
// Explain: what every stage did with each frame, for a support engineer (replay --explain).
//
// Stages say what they do in counters, and every frame, byte and request is in exactly one of them: so the counters
// that a frame moved are the whole story, and no stage needs to know that it is watched.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "base/counters.h"
#include "packet/frame.h"
#include "pipeline/worker.h"

namespace rebuilder {

class Explain {
  public:
    // Runs `process` and prints what it did with the frame.
    template <class Process>
    void frame(const packet::Frame& frame, const pipeline::Worker& worker, Process&& process) {
        describe(frame, ++frames_);
        watch(worker, process);
    }
    // The same for the passing of time, and for the end; silent when nothing happened.
    template <class Process>
    void tick(std::uint64_t time_ns, const pipeline::Worker& worker, Process&& process) {
        heading_ = fmt::format("time {}.{:06}", time_ns / 1'000'000'000, time_ns / 1000 % 1'000'000);
        watch(worker, process);
    }
    template <class Process>
    void end(const pipeline::Worker& worker, Process&& process) {
        heading_ = "end of the capture";
        watch(worker, process);
    }

  private:
    template <class Process>
    void watch(const pipeline::Worker& worker, Process&& process) {
        const CounterValues before = worker.counters().read();
        process();
        print_changes(before, worker.counters().read());
    }
    void describe(const packet::Frame& frame, std::uint64_t number);
    void print_changes(const CounterValues& before, const CounterValues& after);

    std::uint64_t frames_ = 0;
    std::string heading_;
};

}  // namespace rebuilder
