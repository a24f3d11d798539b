// SPDX-License-Identifier: Apache-2.0
// ExceptionQueue: frames that aren't the mirror's, on their way from a worker to the exception path.
//
// In:   the bytes of frames, which are copied: the buffers that a worker received into are its own to give back.
// Out:  the same frames, in order, for one other thread.
// What is neither for the port's address nor for all, or comes from that address, is left out; so is what finds the queue
// full, at the price of a look. So a flood costs a worker no more than it costs the kernel to take what fits in here.
// Both are counted here. Bounded; never blocks, allocates after construction or throws.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>

#include "base/bytes.h"
#include "base/counters.h"

namespace rebuilder::nic {

using MacAddress = std::array<std::uint8_t, 6>;

class ExceptionQueue {
  public:
    static constexpr std::size_t most_frames = 256;
    static constexpr std::size_t frame_room = 10'240;

    explicit ExceptionQueue(const MacAddress& own)
        : own_(own)
        , bytes_(std::make_unique_for_overwrite<std::uint8_t[]>(most_frames * frame_room)) {}

    // Worker.
    void offer(Bytes frame) noexcept {
        if (!concerns_port(frame)) {
            counters_.add(Counter::exception_not_ours);
            return;
        }
        const std::size_t at = pushed_.load(std::memory_order_relaxed);
        if (at - popped_.load(std::memory_order_acquire) == most_frames || frame.size() > frame_room) {
            counters_.add(Counter::exception_dropped_full);
            return;
        }
        std::memcpy(room(at), frame.data(), frame.size());
        sizes_[at % most_frames] = static_cast<std::uint16_t>(frame.size());
        pushed_.store(at + 1, std::memory_order_release);
    }

    // The other thread. Empty: there is none. The bytes stay until pop().
    [[nodiscard]] Bytes front() const noexcept {
        const std::size_t at = popped_.load(std::memory_order_relaxed);
        if (at == pushed_.load(std::memory_order_acquire)) return {};
        return {room(at), sizes_[at % most_frames]};
    }
    void pop() noexcept { popped_.store(popped_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

    // Any thread.
    [[nodiscard]] const Counters& counters() const noexcept { return counters_; }

    [[nodiscard]] bool concerns_port(Bytes frame) const noexcept {
        if (frame.size() < 2 * own_.size()) return false;
        const std::uint8_t* to = frame.data();
        const bool to_many = (to[0] & 1) != 0;
        return (to_many || std::equal(own_.begin(), own_.end(), to)) &&
               !std::equal(own_.begin(), own_.end(), to + own_.size());
    }

  private:
    [[nodiscard]] std::uint8_t* room(std::size_t at) const noexcept {
        return bytes_.get() + at % most_frames * frame_room;
    }

    MacAddress own_;
    Counters counters_;                               // worker: w, control: r
    alignas(64) std::atomic<std::size_t> pushed_{0};  // worker: w, exception thread: r
    alignas(64) std::atomic<std::size_t> popped_{0};  // exception thread: w, worker: r
    std::array<std::uint16_t, most_frames> sizes_{};
    std::unique_ptr<std::uint8_t[]> bytes_;
};

}  // namespace rebuilder::nic
