// SPDX-License-Identifier: Apache-2.0
// Slot and Channel: how a request gets from the worker that rebuilt it to the forwarder that sends it.
//
// A Slot is one request in the form its output wants, in blocks of the worker's pool. A Channel joins one
// worker with one output's forwarder: a ring of full slots one way, a ring of spent ones back, so that each
// block returns to the thread that owns its pool. Several outputs may hold the same blocks; the worker counts
// how many do.
// Never blocks. offer() answers why it can't take a slot, and the worker counts that as shed: the newest goes.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/block.h"
#include "base/counters.h"
#include "base/spsc.h"

namespace rebuilder::forward {

struct Slot {
    Block* first = nullptr;   // the bytes, by Block::next; read-only behind the worker
    std::uint64_t bytes = 0;  // of all blocks
    std::uint32_t blocks = 0;
    bool head_request = false;  // HEAD: its answer has no body, whatever it says
    std::uint64_t time_ns = 0;  // when the request's first byte came
};

class Channel {
  public:
    // `slots` waiting at most, in at most `quota_blocks` blocks: an output that is stuck can't take all of
    // the pool. It can be set to as much as `most_quota` later; 0: not to more.
    Channel(std::size_t slots, std::size_t quota_blocks, std::size_t most_quota = 0)
        : full_(slots)
        , spent_(std::max(quota_blocks, most_quota))
        , most_quota_(std::max(quota_blocks, most_quota))
        , quota_blocks_(quota_blocks) {}

    // ---- the worker's side ----

    // Whether offer() would take it. A forwarder makes room meanwhile, and never takes any.
    [[nodiscard]] bool has_room(const Slot& slot) const noexcept {
        return blocks_out_ + slot.blocks <= quota_blocks_ && full_.size() < full_.capacity();
    }

    // Counter::handed_off when the channel took the slot, else the shed_* counter that says why not. The
    // channel counts it.
    Counter offer(const Slot& slot) noexcept {
        Counter verdict = Counter::handed_off;
        if (blocks_out_ + slot.blocks > quota_blocks_) {
            verdict = Counter::shed_quota;
        } else if (!full_.push(slot)) {
            verdict = Counter::shed_queue_full;
        } else {
            blocks_out_ += slot.blocks;
        }
        handing_.add(verdict);
        return verdict;
    }

    // Takes back one spent slot; false when there is none.
    [[nodiscard]] bool reclaim(Slot& slot) noexcept {
        if (!spent_.pop(slot)) return false;
        blocks_out_ -= slot.blocks;
        return true;
    }

    void set_quota(std::size_t blocks) noexcept { quota_blocks_ = std::min(blocks, most_quota_); }
    [[nodiscard]] std::size_t blocks_out() const noexcept { return blocks_out_; }
    // Nothing is offered any more. `selected`: of the worker's requests so far, those that outputs are offered.
    void leave(std::uint64_t selected) noexcept { left_at_.store(selected, std::memory_order_relaxed); }

    [[nodiscard]] Counters& handing() noexcept { return handing_; }
    [[nodiscard]] const Counters& handing() const noexcept { return handing_; }

    // ---- the forwarder's side ----

    [[nodiscard]] bool take(Slot& slot) noexcept { return full_.pop(slot); }
    // Never fails: as many spent slots fit as blocks may be out.
    void give_back(const Slot& slot) noexcept { (void)spent_.push(slot); }

    // ---- any thread ----

    [[nodiscard]] std::size_t waiting() const noexcept { return full_.size(); }
    // What leave() was told; nothing before.
    [[nodiscard]] std::optional<std::uint64_t> left_at() const noexcept {
        const std::uint64_t selected = left_at_.load(std::memory_order_relaxed);
        if (selected == not_left) return std::nullopt;
        return selected;
    }
    [[nodiscard]] std::size_t capacity() const noexcept { return full_.capacity(); }

  private:
    static constexpr std::uint64_t not_left = ~std::uint64_t{0};

    SpscRing<Slot> full_;
    SpscRing<Slot> spent_;
    std::size_t most_quota_;
    std::size_t quota_blocks_;                      // worker: rw
    std::size_t blocks_out_ = 0;                    // worker: rw
    Counters handing_;                              // worker: w, control: r
    std::atomic<std::uint64_t> left_at_{not_left};  // worker: w, control: r
};

}  // namespace rebuilder::forward
