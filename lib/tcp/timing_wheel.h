// SPDX-License-Identifier: Apache-2.0
// TimingWheel: deadlines of many flows (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987).
//
// In:   indices of records that embed a TimerLink, each with a deadline in nanoseconds.
// Out:  expire() hands back those whose slot has passed, each unlinked. Slots are `tick_ns` wide, so a deadline may
//       be seen up to one tick late, never early; one beyond the horizon comes back at the horizon, and its owner
//       schedules it again. Being touched costs a flow nothing: the owner compares the real deadline when it expires.
// Never allocates after construction; every operation is O(1), and expire() is bounded by its budget.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace rebuilder::tcp {

inline constexpr std::uint32_t no_index = 0xffffffff;

struct TimerLink {
    std::uint32_t next = no_index;
    std::uint32_t previous = no_index;  // no_index for the first of a slot
    std::uint32_t slot = no_index;      // no_index while not scheduled
};

template <class Records>  // Records: TimerLink& timer(std::uint32_t index)
class TimingWheel {
  public:
    static constexpr std::uint64_t tick_ns = 1ull << 27;  // 134 ms
    static constexpr std::uint32_t slots = 4096;
    static constexpr std::uint64_t horizon_ns =
        (slots - 2) * tick_ns;  // 549 s: this far every deadline has a slot of its own

    explicit TimingWheel(Records& records) noexcept : records_(records) {
        heads_.fill(no_index);
        tails_.fill(no_index);
    }

    // (Re)schedules the record. A deadline in the past expires with the next tick.
    void schedule(std::uint32_t index, std::uint64_t deadline_ns, std::uint64_t now_ns) noexcept {
        start(now_ns);
        cancel(index);
        link(index, static_cast<std::uint32_t>(tick_of(deadline_ns) % slots));
    }

    // True when the record would come back later than it should for this deadline.
    [[nodiscard]] bool later_than(std::uint32_t index, std::uint64_t deadline_ns) noexcept {
        return records_.timer(index).slot == no_index || scheduled_tick(index) > deadline_ns / tick_ns + 1;
    }
    // True when it would come back earlier than schedule() would now make it.
    [[nodiscard]] bool sooner_than(std::uint32_t index, std::uint64_t deadline_ns) noexcept {
        return scheduled_tick(index) < tick_of(deadline_ns);
    }

    void cancel(std::uint32_t index) noexcept {
        TimerLink& link = records_.timer(index);
        if (link.slot == no_index) return;
        if (link.previous != no_index) {
            records_.timer(link.previous).next = link.next;
        } else {
            heads_[link.slot] = link.next;
            if (link.next == no_index) occupied_[link.slot / 64] &= ~(1ull << (link.slot % 64));
        }
        (link.next != no_index ? records_.timer(link.next).previous : tails_[link.slot]) = link.previous;
        link = TimerLink{};
    }

    // Calls `expired(index)` for at most `budget` records whose slot has passed; each is unlinked by then, and may be
    // scheduled again in the call. What the budget leaves comes with the next call.
    template <class Expired>
    void expire(std::uint64_t now_ns, std::size_t budget, Expired&& expired) noexcept {
        const std::uint64_t target = now_ns / tick_ns;
        start(now_ns);
        for (;;) {
            const std::uint32_t slot = static_cast<std::uint32_t>(tick_ % slots);
            while (heads_[slot] != no_index) {
                if (budget-- == 0) return;
                const std::uint32_t index = heads_[slot];
                cancel(index);
                expired(index);
            }
            if (tick_ >= target) return;
            // Nothing is linked more than a lap ahead: a long silence can be crossed in one lap.
            if (target - tick_ > slots) tick_ = target - slots;
            ++tick_;
        }
    }

    // The record that comes back next at `from_ns` or later; failing that, the one that comes back next; or no_index. A
    // candidate for eviction.
    [[nodiscard]] std::uint32_t soonest(std::uint64_t from_ns = 0) const noexcept {
        const std::uint32_t from = static_cast<std::uint32_t>(std::max(from_ns / tick_ns, tick_) % slots);
        constexpr std::uint32_t words = slots / 64;
        for (std::uint32_t step = 0; step <= words; ++step) {
            const std::uint32_t word = (from / 64 + step) % words;
            std::uint64_t bits = occupied_[word];
            if (step == 0) bits &= ~0ull << (from % 64);
            if (step == words) bits &= ~(~0ull << (from % 64));
            if (bits != 0) return heads_[word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits))];
        }
        return no_index;
    }

  private:
    // The first time the wheel is told what time it is.
    void start(std::uint64_t now_ns) noexcept {
        if (started_) return;
        started_ = true;
        tick_ = now_ns / tick_ns;
    }

    // The tick whose slot a deadline belongs into.
    [[nodiscard]] std::uint64_t tick_of(std::uint64_t deadline_ns) const noexcept {
        return std::clamp(deadline_ns / tick_ns + 1, tick_ + 1, tick_ + slots - 1);
    }
    [[nodiscard]] std::uint64_t scheduled_tick(std::uint32_t index) noexcept {
        const std::uint64_t slot = records_.timer(index).slot;
        return tick_ + (slot + slots - tick_ % slots) % slots;
    }

    // Behind those that are in the slot already: of equals, the first comes back first.
    void link(std::uint32_t index, std::uint32_t slot) noexcept {
        TimerLink& link = records_.timer(index);
        link = {no_index, tails_[slot], slot};
        (link.previous != no_index ? records_.timer(link.previous).next : heads_[slot]) = index;
        tails_[slot] = index;
        occupied_[slot / 64] |= 1ull << (slot % 64);
    }

    Records& records_;
    std::uint64_t tick_ = 0;  // the slot of this tick has passed or is being emptied
    bool started_ = false;
    std::array<std::uint32_t, slots> heads_;
    std::array<std::uint32_t, slots> tails_;
    std::array<std::uint64_t, slots / 64> occupied_{};
};

}  // namespace rebuilder::tcp
