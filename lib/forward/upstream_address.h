// SPDX-License-Identifier: Apache-2.0
// UpstreamAddress: one address of an output, and whether it is worth trying now.
//
// In:    what became of the attempts to use it, and the time.
// Out:   may_try().
//
// An address that failed is tried again by one connection at a time, after a delay that doubles from 50
// ms to 1.5 s; the jitter keeps many appliances from coming back in step, and leaves the next attempt
// less than 2 s away. The delay runs from the start of the attempt that failed: an attempt that took long
// is not waited for twice.
#pragma once

#include <cstdint>
#include <random>

#include "forward/socket_address.h"

namespace rebuilder::forward {

class UpstreamAddress {
  public:
    explicit UpstreamAddress(const SocketAddress& address) noexcept : address_(address) {}

    [[nodiscard]] const SocketAddress& address() const noexcept { return address_; }

    [[nodiscard]] bool failing() const noexcept { return failures_ > 0; }
    // The last attempt to connect failed, or there was none.
    [[nodiscard]] bool unreachable() const noexcept { return !reachable_; }
    [[nodiscard]] bool may_try(std::uint64_t now_ns) const noexcept {
        return !failing() || (!probing_ && now_ns >= retry_at_ns_);
    }

    void trying() noexcept { probing_ = true; }
    void reached() noexcept;
    // A connection could not be made.
    void refused(std::uint64_t started_ns, std::uint64_t now_ns, std::minstd_rand& random) noexcept;
    // A connection was made, but it broke before anything was answered on it: the same, without doubling.
    void useless(std::uint64_t now_ns, std::minstd_rand& random) noexcept;
    // Forgets the delay, and waits for nothing more.
    void begin_drain() noexcept;
    [[nodiscard]] bool refused_in_drain() const noexcept { return refused_in_drain_; }

  private:
    SocketAddress address_;
    std::uint32_t failures_ = 0;  // in a row
    std::uint64_t failed_at_ns_ = 0;
    std::uint64_t retry_at_ns_ = 0;
    bool probing_ = false;
    bool reachable_ = false;
    bool refused_in_drain_ = false;
};

}  // namespace rebuilder::forward
