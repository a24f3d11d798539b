// SPDX-License-Identifier: Apache-2.0
// ExceptionPath: the way of frames that aren't the mirror's to the kernel, and of the kernel's frames out of the port. So ARP,
// ICMP, DHCP, SSH and health checks work over a network interface that this process has taken over.
//
//   worker ─► RxQueue::except() ═ ExceptionQueue ═► exception thread ─► rb0 (tap, or virtio-user)
//   port   ◄─ its TX queue      ◄────────────────── exception thread ◄─ rb0
//
// In:    frames that workers found to be addressed to no tunnel; what the kernel sends on rb0.
// Out:   the same, unchanged, in order; what finds no room is dropped and counted. The kernel is given at most
//        most_frames_a_second: a flood can't take from the other threads what the kernel needs to receive it.
// Never: a mirrored frame goes to the kernel, or a frame of the kernel's to a worker. Fragments of UDP datagrams count as the
//        mirror's until they are put together, so the kernel gets none of them.
// One plain thread. Every port's TX queue is its alone. Lives longer than the RxQueues, shorter than the ports.
// Errors: the constructor throws Error; everything that needs a privilege happens in it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/counters.h"
#include "nic/exception_plan.h"
#include "nic/port.h"
#include "packet/decap.h"

namespace rebuilder::nic {

// Memory for its buffers, for EalOptions: for each port.
[[nodiscard]] std::uint64_t exception_bytes(ExceptionKind kind) noexcept;

class ExceptionPath {
  public:
    static constexpr std::uint64_t most_frames_a_second = 200'000;

    // Before RxQueues are made of the ports.
    ExceptionPath(ExceptionKind kind, std::vector<Port>& ports);
    ~ExceptionPath();

    void start();
    // The workers have ended: from now on the thread receives for them, and lets only the kernel's frames through. So requests
    // that are still to be sent may go out over these ports, and health checks are answered.
    // `decap` is what they went by.
    void take_over(std::vector<std::vector<RxQueue>>& queues, const packet::DecapConfig& decap);
    // What waits for the kernel is still given to it.
    void stop() noexcept;

    // Any thread.
    [[nodiscard]] CounterValues counters() const noexcept;
    // A line for each port.
    [[nodiscard]] const std::vector<std::string>& descriptions() const noexcept;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace rebuilder::nic
