// SPDX-License-Identifier: Apache-2.0
#include "nic/buffer_pool.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>

#include "base/error.h"
#include "nic/rx_queue.h"

namespace rebuilder::nic {

namespace {

// In front of the data of every buffer: the pool's header and the mbuf.
constexpr std::uint32_t header_bytes = RTE_ALIGN_CEIL(sizeof(rte_mempool_objhdr), RTE_MEMPOOL_ALIGN) + sizeof(rte_mbuf);
constexpr std::uint32_t cache_size = 256;

// XDP sockets: chunks of at most a page, of which the kernel keeps XDP_PACKET_HEADROOM for programs; and
// buffers that the driver parks in the kernel, for each queue.
constexpr std::uint32_t xdp_chunk = 4096;
constexpr std::uint32_t xdp_headroom = 256;
constexpr std::uint32_t xdp_fill_ring = 2048;
constexpr std::uint32_t xdp_tx_ring = 2048;

rte_mempool* try_pool(const BufferPlan& plan, const std::string& name, int numa_node) {
    unsigned flags = 0;
    if (plan.one_page) flags |= RTE_MEMPOOL_F_NO_SPREAD;
    if (!plan.device_memory) flags |= RTE_MEMPOOL_F_NO_IOVA_CONTIG;
    rte_mempool* pool =
        rte_mempool_create_empty(name.c_str(), plan.buffers, static_cast<unsigned>(sizeof(rte_mbuf)) + plan.data_room,
            plan.cache, sizeof(rte_pktmbuf_pool_private), numa_node, flags);
    if (pool == nullptr) return nullptr;

    // A platform with pools in hardware, or an operator with another wish, goes before one producer, one
    // consumer.
    const std::string_view best = rte_mbuf_best_mempool_ops();
    const bool plain = best == RTE_MBUF_DEFAULT_MEMPOOL_OPS && !plan.shared;
    const char* operations = plain ? "ring_sp_sc" : best.data();
    int error = rte_mempool_set_ops_byname(pool, operations, nullptr);
    if (error == 0) {
        rte_pktmbuf_pool_private facts{};
        facts.mbuf_data_room_size = plan.data_room;
        rte_pktmbuf_pool_init(pool, &facts);
        error = std::min(rte_mempool_populate_default(pool), 0);
    }
    if (error != 0) {
        rte_mempool_free(pool);
        rte_errno = -error;
        return nullptr;
    }
    rte_mempool_obj_iter(pool, rte_pktmbuf_init, nullptr);
    return pool;
}

}  // namespace

std::uint64_t BufferPlan::bytes() const noexcept {
    constexpr std::uint64_t spread =
        std::uint64_t{3} * RTE_MEMPOOL_ALIGN;  // DPDK staggers buffers over memory channels
    constexpr std::uint64_t page = 4096;
    const std::uint64_t each = header_bytes + data_room + (one_page ? 0 : spread);
    // Physically contiguous buffers on small pages start on a page each; assume those.
    return buffers * (device_memory ? (each + page - 1) / page * page : each);
}

BufferPlan plan_buffers(InputKind kind, std::uint16_t descriptors, std::uint32_t frame_room, bool transmits) noexcept {
    BufferPlan plan;
    // An XDP socket's TX queue copies into buffers of its RX queue, and gives back there.
    plan.shared = transmits && kind == InputKind::af_xdp;
    plan.cache = cache_size;
    plan.one_page = kind == InputKind::af_xdp;
    plan.device_memory = kind == InputKind::dpdk || kind == InputKind::vdev;
    if (plan.one_page) {
        plan.data_room = xdp_chunk - header_bytes;
        plan.room = plan.data_room - RTE_PKTMBUF_HEADROOM - xdp_headroom;
    } else {
        if (kind == InputKind::af_packet) frame_room = std::max(frame_room, default_frame_room);  // its ring's frames
        plan.room = std::min<std::uint32_t>(frame_room, UINT16_MAX - RTE_PKTMBUF_HEADROOM);
        plan.data_room = static_cast<std::uint16_t>(plan.room + RTE_PKTMBUF_HEADROOM);
    }

    // The caches of the worker and of the thread that started the port, each half over its size at most.
    constexpr std::uint32_t cached = 2 * cache_size * 3 / 2;
    const std::uint32_t in_hand =
        RxQueue::burst_size * ((static_cast<std::uint32_t>(RxQueue::largest_frame) + plan.room - 1) / plan.room);
    std::uint32_t in_ring = 0;  // pcap and af_packet copy into a buffer when they are asked for frames
    if (plan.device_memory) in_ring = descriptors;
    if (plan.one_page) in_ring = xdp_fill_ring + (plan.shared ? xdp_tx_ring : 0);
    plan.buffers = in_ring + in_hand + cached;
    return plan;
}

void BufferPoolDeleter::operator()(rte_mempool* pool) const noexcept {
    rte_mempool_free(pool);
}

BufferPool make_buffer_pool(
    const BufferPlan& plan, const std::string& pool_name, int numa_node, const std::string& owner) {
    rte_mempool* pool = try_pool(plan, pool_name, numa_node);
    if (pool == nullptr && numa_node != SOCKET_ID_ANY) pool = try_pool(plan, pool_name, SOCKET_ID_ANY);
    if (pool == nullptr) {
        throw Error(ExitStatus::runtime, fmt::format("{}: no memory for {} RX buffers of {} bytes ({})", owner,
                                             plan.buffers, plan.room, rte_strerror(rte_errno)));
    }
    return BufferPool(pool);
}

}  // namespace rebuilder::nic
