// SPDX-License-Identifier: Apache-2.0
// EndpointBoard: the addresses of an output, as one thread writes them and others read them, without waiting for each
// other (a sequence lock: Boehm, "Can seqlocks get along with programming language memory models?", MSPC 2012).
//
// In:    publish(), by one thread.
// Out:   read(), by any: all of one publish(), or nothing when it is just being written, or hasn't changed.
// Never: blocks, allocates; a reader that meets the writer comes again later.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "packet/flow_key.h"

namespace rebuilder::forward {

class EndpointBoard {
  public:
    static constexpr std::size_t capacity = 16;

    // At most `capacity`: more are left out.
    void publish(std::span<const packet::Endpoint> endpoints) noexcept {
        const std::uint64_t version = version_.load(std::memory_order_relaxed);
        version_.store(version + 1, std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_release);
        const std::size_t count = endpoints.size() < capacity ? endpoints.size() : capacity;
        count_.store(count, std::memory_order_relaxed);
        for (std::size_t i = 0; i < count; ++i) {
            entries_[i].high.store(endpoints[i].address.high, std::memory_order_relaxed);
            entries_[i].low.store(endpoints[i].address.low, std::memory_order_relaxed);
            entries_[i].port.store(endpoints[i].port, std::memory_order_relaxed);
        }
        version_.store(version + 2, std::memory_order_release);
    }

    // When there is something newer than `version`, which starts as 0: true, with all of it in `found`.
    [[nodiscard]] bool read(
        std::uint64_t& version, std::array<packet::Endpoint, capacity>& found, std::size_t& count) const noexcept {
        const std::uint64_t before = version_.load(std::memory_order_acquire);
        if (before == version || before % 2 != 0) return false;
        const std::size_t entries = count_.load(std::memory_order_relaxed);
        for (std::size_t i = 0; i < entries; ++i) {
            found[i].address.high = entries_[i].high.load(std::memory_order_relaxed);
            found[i].address.low = entries_[i].low.load(std::memory_order_relaxed);
            found[i].port = entries_[i].port.load(std::memory_order_relaxed);
        }
        std::atomic_thread_fence(std::memory_order_acquire);
        if (version_.load(std::memory_order_relaxed) != before) return false;
        version = before;
        count = entries;
        return true;
    }

  private:
    struct Entry {
        std::atomic<std::uint64_t> high{0};
        std::atomic<std::uint64_t> low{0};
        std::atomic<std::uint16_t> port{0};
    };
    std::atomic<std::uint64_t> version_{0};  // odd while it is written
    std::atomic<std::size_t> count_{0};
    std::array<Entry, capacity> entries_;
};

}  // namespace rebuilder::forward
