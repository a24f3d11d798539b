// SPDX-License-Identifier: Apache-2.0
// Testbed: frames ─► port ─► worker ─► forwarder ─► sink, from end to end, and trials of it at one rate each.
//
//   core of the worker    the worker, which polls
//   all other cores       the feeder, which sleeps and goes before all others; the forwarder; the sink, a process
// With two cores the last three share one, so what the sink and the feeder take is missing to the forwarder: the rates are
// those of such a machine, and less than the appliance's own.
//
// Lost is a frame that was handed to the cable and that the worker never got; and a request whose last frame was handed over
// and that wasn't answered with 2xx, or that the sink didn't count. Added latency is the time from when the last frame of a
// request is handed to the port until the sink has read its last byte: an upper bound of the time until it is written.
//
// One trial at a low rate comes first, and isn't judged: the worker's memory is touched for the first time in it. At a high rate
// the kernel would take longer to clear it than a port can hold what comes meanwhile.
// Each trial is verified: the ledger's laws hold, every block is back, what the worker counted are the frames and bytes that
// were sent, the sink got as many bytes as were written, and no request twice. Throws Error (runtime) otherwise.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "arrivals.h"
#include "cable.h"
#include "feeder.h"
#include "live_line.h"
#include "sink.h"
#include "traffic.h"

namespace rebuilder::bench {

struct TestbedSettings {
    TrafficSettings traffic;
    bool af_packet = false;            // the port's kind; else ring
    std::uint16_t descriptors = 4096;  // of a ring
    std::uint32_t pipeline = 16;
    std::uint32_t connections = 8;  // of the forwarder
    unsigned worker_cpu = 0;
    unsigned sink_cpu = 1;
};

struct Trial {
    double rate = 0;             // requests a second that were asked for
    bool offered = false;        // and came
    std::uint64_t requests = 0;  // whole ones, and so on: what was handed over
    std::uint64_t frames = 0;
    std::uint64_t bytes = 0;
    std::uint64_t wall_ns = 0;
    std::uint64_t frames_lost = 0;
    std::uint64_t requests_lost = 0;
    std::string losses;  // by counter
    std::uint64_t worker_stood_ns = 0;
    std::uint64_t p50_ns = 0;
    std::uint64_t p99_ns = 0;
    std::uint64_t p999_ns = 0;
    std::uint64_t most_ns = 0;

    [[nodiscard]] bool passed() const { return offered && frames_lost == 0 && requests_lost == 0; }
    // Other programs had the worker's core, for more than what the kernel takes of any.
    [[nodiscard]] bool disturbed() const { return worker_stood_ns > wall_ns / 100; }
    [[nodiscard]] double per_s(std::uint64_t count) const {
        return static_cast<double>(count) * 1e9 / static_cast<double>(wall_ns);
    }
};

class Testbed {
  public:
    explicit Testbed(const TestbedSettings& settings);

    // What a trial has come to so far, each second.
    struct Progress {
        std::uint64_t wall_ns;
        std::uint64_t requests;  // that arrived
        std::uint64_t p99_ns;
        std::string losses;
    };
    using Watch = std::function<void(const Progress&)>;

    // `stop` ends it early.
    [[nodiscard]] Trial run(
        double rate, std::uint64_t duration_ns, const std::atomic<bool>& stop, const Watch& watch = {});

    [[nodiscard]] const Traffic& traffic() const noexcept { return traffic_; }
    [[nodiscard]] const std::string& hint() const noexcept { return line_.hint(); }

  private:
    [[nodiscard]] Trial judge(const Feeder::Fed& fed, const Ledger& ledger, std::uint64_t refused) const;

    TestbedSettings settings_;
    std::unique_ptr<Cable> cable_;
    Arrivals arrivals_;
    Sink sink_;
    Traffic traffic_;
    Feeder feeder_;
    LiveLine line_;
    std::uint64_t sink_requests_ = 0;  // before a trial
    std::uint64_t sink_bytes_ = 0;
};

}  // namespace rebuilder::bench
