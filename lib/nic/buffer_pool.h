// SPDX-License-Identifier: Apache-2.0
// BufferPool: the RX buffers (mbufs) of one queue, made at start and given back by the destructor.
//
// One pool a queue, not one a port: the worker that polls the queue is the only one that takes and gives back.
// So the pool needs no atomic operations, and a worker that loses its CPU in the middle holds up nobody. `shared` pools do.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "nic/input.h"

struct rte_mempool;

namespace rebuilder::nic {

struct BufferPlan {
    std::uint32_t buffers = 0;
    std::uint32_t cache = 0;      // of them kept beside the worker
    std::uint32_t room = 0;       // bytes of a frame that one buffer holds
    std::uint16_t data_room = 0;  // the same with the space in front of the frame, as DPDK counts
    bool one_page = false;        // af_xdp: a buffer with its headers is one page, or the kernel refuses it
    bool device_memory = false;   // a device may write into them: physically contiguous each
    bool shared = false;          // threads other than the one that polls the queue take and give, too

    [[nodiscard]] std::uint64_t bytes() const noexcept;
};

// Enough for a full RX ring, the burst in hand (frames that fill several buffers included), and what caches
// hold. `transmits`: the port also sends what others made.
[[nodiscard]] BufferPlan plan_buffers(
    InputKind kind, std::uint16_t descriptors, std::uint32_t frame_room, bool transmits = false) noexcept;

struct BufferPoolDeleter {
    void operator()(rte_mempool* pool) const noexcept;
};

using BufferPool = std::unique_ptr<rte_mempool, BufferPoolDeleter>;

// `numa_node` -1: any; also tried when the wanted one has no memory left. Throws Error (runtime) naming
// `owner`.
[[nodiscard]] BufferPool make_buffer_pool(
    const BufferPlan& plan, const std::string& pool_name, int numa_node, const std::string& owner);

}  // namespace rebuilder::nic
