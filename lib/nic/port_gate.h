// SPDX-License-Identifier: Apache-2.0
// PortGate: by which the control thread has everyone leave a port's queues, and come back.
//
// A device that is reset must not be polled meanwhile. Whoever uses one of its queues has a Pass for it, and asks that
// before each burst; the control thread closes the gate, knows when all have noticed, and opens it again.
// The gate outlives its passes. A place has one user at a time; one that nobody has a pass for isn't waited for.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>

namespace rebuilder::nic {

class PortGate {
  public:
    class Pass;

    explicit PortGate(std::size_t places) : places_(places), seen_(std::make_unique<Seen[]>(places)) {}
    PortGate(const PortGate&) = delete;
    PortGate& operator=(const PortGate&) = delete;

    // Before the threads that use it start.
    [[nodiscard]] Pass pass(std::size_t place) noexcept;

    // Control thread. False: someone was still in there when the time was over; nobody comes in all the same.
    [[nodiscard]] bool close(std::chrono::milliseconds limit) noexcept {
        const std::uint64_t turn = turn_.load(std::memory_order_relaxed) + 1;
        turn_.store(turn, std::memory_order_release);
        const auto end = std::chrono::steady_clock::now() + limit;
        for (std::size_t place = 0; place < places_; ++place) {
            while (seen_[place].used && seen_[place].turn.load(std::memory_order_acquire) != turn) {
                if (std::chrono::steady_clock::now() >= end) return false;
                std::this_thread::sleep_for(std::chrono::microseconds(100));
            }
        }
        return true;
    }

    // Control thread, behind close().
    void open() noexcept { turn_.fetch_add(1, std::memory_order_release); }

  private:
    struct alignas(64) Seen {
        std::atomic<std::uint64_t> turn{0};  // user of the place: w, control: r
        bool used = false;
    };

    alignas(64) std::atomic<std::uint64_t> turn_{0};  // control: w, users: r. Odd: closed
    std::size_t places_;
    std::unique_ptr<Seen[]> seen_;
};

// One user's. Moves with the user; of the passes for a place, one is in use.
class PortGate::Pass {
  public:
    // False: the queue has to be left alone; ask again later. True: until the next question.
    [[nodiscard]] bool open() noexcept {
        const std::uint64_t turn = turn_->load(std::memory_order_acquire);
        if (turn != noticed_) [[unlikely]] {
            noticed_ = turn;
            seen_->store(turn, std::memory_order_release);
        }
        return (turn & 1) == 0;
    }

  private:
    friend class PortGate;
    Pass(const std::atomic<std::uint64_t>& turn, std::atomic<std::uint64_t>& seen) noexcept
        : turn_(&turn)
        , seen_(&seen) {}

    const std::atomic<std::uint64_t>* turn_;
    std::atomic<std::uint64_t>* seen_;
    std::uint64_t noticed_ = ~std::uint64_t{0};
};

inline PortGate::Pass PortGate::pass(std::size_t place) noexcept {
    seen_[place].used = true;
    return {turn_, seen_[place].turn};
}

}  // namespace rebuilder::nic
