// SPDX-License-Identifier: Apache-2.0
// EthdevSide: a virtual device of DPDK's whose other end is an interface of the kernel: virtio-user over vhost-net.
//
// It is plugged in when EAL runs, as its address, the port's, isn't known before. It goes with the EthdevSide.
// Throws Error (runtime) that begins with the device's name.
#pragma once

#include <string>

#include "nic/kernel_side.h"

struct rte_mempool;

namespace rebuilder::nic {

class EthdevSide final : public KernelSide {
  public:
    static constexpr std::uint16_t descriptors =
        256;  // of each direction; as many buffers wait for the kernel's frames

    // `arguments`: as in --vdev, behind the name. `buffers` outlives it, and is for its thread's use.
    EthdevSide(const std::string& name, const std::string& arguments, rte_mempool* buffers);
    ~EthdevSide() override;
    EthdevSide(const EthdevSide&) = delete;
    EthdevSide& operator=(const EthdevSide&) = delete;

    [[nodiscard]] bool give(Bytes frame) noexcept override;
    [[nodiscard]] std::uint16_t take(std::span<rte_mbuf*> frames) noexcept override;

  private:
    [[nodiscard]] int start() noexcept;

    std::string name_;
    rte_mempool* buffers_;
    std::uint16_t port_ = 0;
};

}  // namespace rebuilder::nic
