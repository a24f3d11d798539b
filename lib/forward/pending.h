// SPDX-License-Identifier: Apache-2.0
// Pending: a slot that an output holds. PendingRing: a fixed queue of them, open at both ends.
//
// All its memory is taken at construction. The caller keeps to its capacity.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "forward/handoff.h"

namespace rebuilder::forward {

struct Pending {
    Slot slot;
    std::uint32_t channel = 0;
    std::uint32_t charged = 0;   // connections that broke when its answer was due
    std::uint32_t forgiven = 0;  // such breaks that were not charged
    bool suspect = false;        // a connection broke that it was on
    std::uint64_t since_ns = 0;  // waiting since: for a connection, and then on it for the answer
};

class PendingRing {
  public:
    explicit PendingRing(std::size_t capacity)
        : mask_(std::bit_ceil(capacity) - 1)
        , values_(std::make_unique<Pending[]>(mask_ + 1)) {}

    // Memory for so many.
    [[nodiscard]] static constexpr std::size_t bytes(std::size_t capacity) noexcept {
        return std::bit_ceil(capacity) * sizeof(Pending);
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] Pending& front() noexcept { return (*this)[0]; }
    [[nodiscard]] Pending& operator[](std::size_t index) noexcept { return values_[(first_ + index) & mask_]; }
    [[nodiscard]] const Pending& operator[](std::size_t index) const noexcept {
        return values_[(first_ + index) & mask_];
    }

    void push_back(const Pending& value) noexcept { (*this)[size_++] = value; }
    void push_front(const Pending& value) noexcept {
        --first_;
        ++size_;
        front() = value;
    }
    Pending pop_front() noexcept {
        --size_;
        return values_[first_++ & mask_];
    }
    Pending pop_back() noexcept { return (*this)[--size_]; }

  private:
    std::size_t mask_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
    std::unique_ptr<Pending[]> values_;
};

}  // namespace rebuilder::forward
