// SPDX-License-Identifier: Apache-2.0
// Snapshot: what a running appliance is doing, at one moment. Plain data: every view of it (GET /status.json, /status,
// /metrics, `rebuilder top`, DPDK's telemetry) is made from one, so that none can say something else than the others.
//
// Counters are totals since the start; who shows rates makes them from two snapshots. Each value is exact, but while the
// workers run they are not all of one instant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/counters.h"
#include "base/ledger.h"

namespace rebuilder {

// What is wrong, or that nothing is, in words for who operates it.
struct Finding {
    enum class Severity : std::uint8_t { fine, warning, error };

    Severity severity = Severity::fine;
    std::string text;    // one plain sentence
    std::string remedy;  // what to do; empty when there is nothing to do
};

struct Snapshot {
    struct Port {
        std::string name;  // the input's SPEC
        bool link = false;
        std::uint64_t frames = 0;
        std::uint64_t bytes = 0;
        std::uint64_t missed = 0;  // no room in an RX ring
        std::uint64_t errors = 0;
        std::uint64_t no_buffers = 0;
        std::vector<std::pair<std::string, std::uint64_t>> xstats;  // the driver's own, by its names
    };

    // How much of something bounded is in use.
    struct Level {
        std::uint64_t now = 0;
        std::uint64_t most = 0;
    };

    struct Worker {
        double heartbeat_age_s = 0;  // 0 once it has finished
        double busy_s = 0;           // in which polls found frames, since the start
        double busy = 0;             // the same as a share of the last second
        Level flows;
        Level buffers;  // of requests in assembly and on their way out
        Level held;     // of bytes behind holes
        CounterValues counters;
    };

    // From handing a request to a connection until its answer. counts[i] are the answers within bounds_s[i] and not within the
    // bound before it; behind the last bound counts has one more, for the rest.
    struct Latency {
        std::vector<double> bounds_s;
        std::vector<std::uint64_t> counts;
        double sum_s = 0;
    };

    struct Forwarder {
        Level waiting;  // requests in its channels
        std::uint64_t connections = 0;
        CounterValues counters;  // with what workers handed to it
        Latency latency;
    };

    struct Output {
        std::string name;                   // the option's text
        std::vector<Forwarder> forwarders;  // none: a reload took the output away
        Level waiting;                      // of all forwarders; so are the next three
        std::uint64_t connections = 0;
        CounterValues counters;  // and the resolver's, and those of its life before a reload
        Latency latency;
        std::string trouble;  // why it can't be reached or written to now; empty when it can
    };

    // Frames by what mirrors them: an ENI is known by its address.
    struct Source {
        std::uint32_t vni = 0;
        std::string address;
        std::uint64_t frames = 0;
        std::uint64_t bytes = 0;
    };

    std::string version;
    std::string host;
    double now_s = 0;  // since the Unix epoch
    double uptime_s = 0;
    std::string ill_health;  // why the health check fails; empty when it doesn't

    std::vector<Port> ports;
    std::vector<Worker> workers;
    std::vector<Output> outputs;
    std::vector<Source> sources;  // the one with most frames first
    Source other_sources;         // of frames in no tunnel, and of sources that the tables had no room for
    CounterValues counters;       // of all workers, and of who else counts such things
    std::vector<Finding> findings;
    std::vector<std::pair<std::string, std::string>> options;  // those in force; not in the JSON

    [[nodiscard]] Ledger ledger() const;
    // As in README.md, "Metrics".
    [[nodiscard]] std::string json() const;
};

[[nodiscard]] const char* name_of(Finding::Severity severity) noexcept;

}  // namespace rebuilder
