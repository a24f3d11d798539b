// SPDX-License-Identifier: Apache-2.0
// Tap: a tap device of this process's own.
//
// Opened, named, up, with the address and the MTU that it was to have, once it is constructed; nothing of that needs a
// privilege later. A device of that name that is there already is taken (who owns it needs no CAP_NET_ADMIN), and keeps its
// MTU and, when it stays behind, its addresses and connections over our restarts. One that was not goes with the Tap.
// Throws Error (runtime) that begins with the device's name.
#pragma once

#include <string>

#include "base/descriptor.h"
#include "nic/exception_queue.h"
#include "nic/kernel_side.h"

struct rte_mempool;

namespace rebuilder::nic {

class Tap final : public KernelSide {
  public:
    // Takes the buffers for the kernel's frames from `buffers`, which outlives it.
    Tap(const std::string& name, const MacAddress& address, std::uint16_t mtu, rte_mempool* buffers);
    ~Tap() override;
    Tap(const Tap&) = delete;
    Tap& operator=(const Tap&) = delete;

    [[nodiscard]] bool give(Bytes frame) noexcept override;
    [[nodiscard]] std::uint16_t take(std::span<rte_mbuf*> frames) noexcept override;
    [[nodiscard]] int descriptor() const noexcept override { return descriptor_.get(); }

  private:
    void set_up(const std::string& name, const MacAddress& address, std::uint16_t mtu);

    rte_mempool* buffers_;
    rte_mbuf* spare_ = nullptr;  // for the next frame
    Descriptor descriptor_;      // none: somebody deleted the device
};

}  // namespace rebuilder::nic
