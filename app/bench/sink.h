// SPDX-License-Identifier: Apache-2.0
// Sink: a server in a process of its own that answers each request with a small 200, and counts.
//
// It speaks HTTP/1.1, and HTTP/2 with prior knowledge (RFC 9113, section 3.3), on one port of 127.0.0.1; what a connection
// begins with decides. Requests end where head and Content-Length (or END_STREAM) say. All answers that one read brought
// about leave in one write. Requests are counted before they are answered: who has got all answers reads the right number.
// Those whose targets end with a number have their times of arrival taken: the time at which the read that brought their
// last byte came back.
// Never: outlives the process that made it.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>

#include "arrivals.h"

namespace rebuilder::bench {

class Sink {
  public:
    struct Counts {
        std::atomic<std::uint64_t> requests;
        std::atomic<std::uint64_t> bytes;
        std::atomic<std::uint64_t> connections;      // open now
        std::atomic<std::uint64_t> bad_connections;  // closed by us, since what came can't be counted
    };

    // Forks; before this process has other threads. On core `cpu`, if there is one to spare. `arrivals`, if there are any,
    // outlive it. Throws Error (runtime).
    explicit Sink(std::optional<unsigned> cpu, Arrivals* arrivals = nullptr);
    ~Sink();

    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    [[nodiscard]] std::uint64_t requests() const noexcept { return counts_->requests.load(); }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return counts_->bytes.load(); }
    // The same once all connections are closed: what a client sent and left behind is counted then, too. Throws Error
    // (runtime) when some stay open.
    [[nodiscard]] std::uint64_t settled_requests() const;
    [[nodiscard]] std::uint64_t bad_connections() const noexcept { return counts_->bad_connections.load(); }

  private:
    Counts* counts_ = nullptr;  // shared with the process. sink: w, we: r
    std::uint16_t port_ = 0;
    pid_t process_ = -1;
};

}  // namespace rebuilder::bench
