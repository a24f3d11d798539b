// SPDX-License-Identifier: Apache-2.0
// SpscRing: a bounded queue between one producing and one consuming thread.
//
// In: values, in order. Out: the same values, in the same order. What it never does: block, allocate after
// construction, or overwrite: push() on a full ring answers false and the producer keeps the value.
// Each side caches the other's index, so the shared lines move once per lap of progress and not once per value
// (as in Giacomoni et al., "FastForward", 2008, and Lee et al., "MCRingBuffer", 2010).
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>
#include <type_traits>

namespace rebuilder {

template <class T>
class SpscRing {
    static_assert(std::is_trivially_copyable_v<T>);

  public:
    // Holds at least `capacity` values (rounded up to a power of two).
    explicit SpscRing(std::size_t capacity)
        : mask_(std::bit_ceil(capacity) - 1)
        , values_(std::make_unique<T[]>(mask_ + 1)) {}

    SpscRing(const SpscRing&) = delete;
    SpscRing& operator=(const SpscRing&) = delete;

    // Producer only.
    [[nodiscard]] bool push(const T& value) noexcept {
        const std::size_t at = producer_.index.load(std::memory_order_relaxed);
        if (at - producer_.other > mask_) {
            producer_.other = consumer_.index.load(std::memory_order_acquire);
            if (at - producer_.other > mask_) return false;
        }
        values_[at & mask_] = value;
        producer_.index.store(at + 1, std::memory_order_release);
        return true;
    }

    // Consumer only.
    [[nodiscard]] bool pop(T& value) noexcept {
        const std::size_t at = consumer_.index.load(std::memory_order_relaxed);
        if (at == consumer_.other) {
            consumer_.other = producer_.index.load(std::memory_order_acquire);
            if (at == consumer_.other) return false;
        }
        value = values_[at & mask_];
        consumer_.index.store(at + 1, std::memory_order_release);
        return true;
    }

    [[nodiscard]] std::size_t capacity() const noexcept { return mask_ + 1; }

    // Any thread; a moment's view.
    [[nodiscard]] std::size_t size() const noexcept {
        const std::size_t consumed = consumer_.index.load(std::memory_order_acquire);
        return producer_.index.load(std::memory_order_acquire) - consumed;
    }

  private:
    struct alignas(64) Side {
        std::atomic<std::size_t> index{0};  // how many values this side has pushed or popped
        std::size_t other = 0;              // the other side's index when last looked at
    };

    std::size_t mask_;
    std::unique_ptr<T[]> values_;
    Side producer_;  // producer: w, consumer: r
    Side consumer_;  // consumer: w, producer: r
};

}  // namespace rebuilder
