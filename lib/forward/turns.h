// SPDX-License-Identifier: Apache-2.0
// Turns: numbers below a limit that wait for their turn, each at most once. First come, first served.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rebuilder::forward {

class Turns {
  public:
    explicit Turns(std::size_t limit) : queue_(limit), waits_(limit) {}

    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    // Does nothing when the number waits already.
    void push(std::uint32_t number) noexcept {
        if (waits_[number] != 0) return;
        waits_[number] = 1;
        queue_[(first_ + size_++) % queue_.size()] = number;
    }
    std::uint32_t pop() noexcept {
        const std::uint32_t number = queue_[first_];
        first_ = (first_ + 1) % queue_.size();
        --size_;
        waits_[number] = 0;
        return number;
    }

  private:
    std::vector<std::uint32_t> queue_;
    std::vector<std::uint8_t> waits_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

}  // namespace rebuilder::forward
