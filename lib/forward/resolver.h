// SPDX-License-Identifier: Apache-2.0
// Resolver: the addresses of an output's host, kept up to date on a thread of its own.
//
// In:    a name, or an address, which needs no thread and never changes.
// Out:   addresses(), the list that was found last, and version(), which moves with it. Any thread may ask, at any time.
//
// c-ares asks for A and AAAA as resolv.conf(5), nsswitch.conf(5) and hosts(5) say, which are read anew each time. The
// name is asked for again when the shortest time to live of the answers is over, but not before `least_ns` nor after
// `most_ns` (RFC 1035, section 3.2.1: it is the longest time that an answer may be kept); and as soon as `least_ns`
// allows when somebody calls again(). When nobody answers, or with an error, the last list stays in force.
// Of the addresses those are taken to which this host has a route; if there is none, all; and at most `most_addresses`.
// Never: lets who asks for addresses wait for DNS. Counters: resolutions, resolve_failures.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/counters.h"
#include "forward/endpoint_board.h"
#include "forward/socket_address.h"

namespace rebuilder::forward {

// Whether this is a list of name servers that ResolverOptions can have.
[[nodiscard]] bool valid_servers(const std::string& servers);

struct ResolverOptions {
    std::uint64_t least_ns = 5'000'000'000;
    std::uint64_t most_ns = 300'000'000'000;
    std::string
        servers;  // 192.0.2.1, 192.0.2.1:53, [2001:db8::1] or [2001:db8::1]:53, joined by commas; empty: the system's
};

class Resolver {
  public:
    static constexpr std::size_t most_addresses = 16;

    // Whether this is an address, of which there is nothing to ask.
    [[nodiscard]] static bool is_address(const std::string& host);

    // Asks for the first time. Throws Error (runtime), which names `output`, when that finds no address.
    Resolver(const std::string& output, const std::string& host, std::uint16_t port, const ResolverOptions& options);
    ~Resolver();

    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    // At least one, none twice, in a fixed order.
    [[nodiscard]] std::vector<SocketAddress> addresses() const;
    // The same, for threads that must not wait.
    [[nodiscard]] const EndpointBoard& board() const noexcept { return board_; }
    // Never 0.
    [[nodiscard]] std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }

    // Nobody could be reached at these addresses: perhaps there are others by now.
    void again() noexcept;

    [[nodiscard]] const Counters& counters() const noexcept { return counters_; }

  private:
    struct Answer {
        std::vector<SocketAddress> addresses;  // none: `error` says why
        std::uint64_t ttl_ns = 0;
        std::string error;
    };

    [[nodiscard]] Answer ask() const;
    void publish(std::vector<SocketAddress> found);
    void show() noexcept;
    void run(std::uint64_t ttl_ns);

    const std::string host_;
    const std::uint16_t port_;
    const ResolverOptions options_;
    Counters counters_;  // the thread: w, control: r

    mutable std::mutex mutex_;              // of all below but the atomics
    std::vector<SocketAddress> addresses_;  // sorted
    EndpointBoard board_;                   // the same
    std::condition_variable wake_;
    bool again_ = false;
    std::atomic<bool> stop_{false};
    std::atomic<std::uint64_t> version_{1};
    std::thread thread_;  // none for an address
};

}  // namespace rebuilder::forward
