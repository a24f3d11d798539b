// SPDX-License-Identifier: Apache-2.0
// KernelSide: an interface of the kernel's, seen from the other end of its cable. What is given here the kernel receives;
// what the kernel sends is taken here. One thread at a time; nothing blocks or throws after construction.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"

struct rte_mbuf;

namespace rebuilder::nic {

class KernelSide {
  public:
    virtual ~KernelSide() = default;

    // One whole Ethernet frame. False: it wasn't taken, as the interface is down or has no room.
    [[nodiscard]] virtual bool give(Bytes frame) noexcept = 0;
    // Fills the front of `frames` with the frames that there are, and answers how many. They are the caller's.
    [[nodiscard]] virtual std::uint16_t take(std::span<rte_mbuf*> frames) noexcept = 0;
    // Readable when there are frames to take; -1: that has to be found out by taking.
    [[nodiscard]] virtual int descriptor() const noexcept { return -1; }
};

}  // namespace rebuilder::nic
