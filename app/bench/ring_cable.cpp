// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>
#include <rte_ring.h>

#include <algorithm>
#include <array>

#include "arena.h"
#include "base/error.h"
#include "cable.h"
#include "mirror.h"
#include "nic/port.h"

namespace rebuilder::bench {
namespace {

constexpr const char* ring_name = "cable";
constexpr std::size_t ahead = 16;  // frames that are asked of memory before they are needed

class RingCable final : public Cable {
  public:
    explicit RingCable(std::uint16_t descriptors) : descriptors_(descriptors) {}

    [[nodiscard]] std::size_t most_in_port() const noexcept override { return descriptors_ + nic::RxQueue::burst_size; }
    [[nodiscard]] const nic::Device& device() const noexcept override { return device_; }
    [[nodiscard]] bool opened_by_eal() const noexcept override { return false; }

    void connect(std::span<const packet::Frame> frames) override {
        frames_ = frames;
        prepare();
        ring_ =
            rte_ring_create(ring_name, descriptors_, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
        if (ring_ == nullptr || rte_eth_from_ring(ring_) < 0) {
            throw Error(ExitStatus::runtime, fmt::format("no ring as a port: {}", rte_strerror(rte_errno)));
        }
    }

    [[nodiscard]] std::size_t send(std::size_t first, std::size_t count, std::uint32_t client) override {
        std::size_t taken = 0;
        for (std::size_t at = first; at < first + count;) {
            std::array<void*, 64> burst;
            unsigned size = 0;
            for (; size < burst.size() && at < first + count; ++at) {
                if (rte_mbuf* mbuf = renew(at, client)) burst[size++] = mbuf;
            }
            const unsigned room = rte_ring_sp_enqueue_burst(ring_, burst.data(), size, nullptr);
            for (unsigned i = room; i < size; ++i) rte_mbuf_refcnt_set(static_cast<rte_mbuf*>(burst[i]), ours);
            taken += room;
        }
        return taken;
    }

  private:
    // A buffer has one reference of ours for ever, so the worker, who gives back its own, never frees one: no pool is needed.
    static constexpr std::uint16_t ours = 1;
    static constexpr std::uint16_t ours_and_workers = 2;

    void prepare() {
        const std::span<std::uint8_t> memory = arena_.take(frames_.size() * sizeof(rte_mbuf));
        mbufs_ = {reinterpret_cast<rte_mbuf*>(memory.data()), frames_.size()};
        for (std::size_t i = 0; i < frames_.size(); ++i) {
            const Bytes bytes = frames_[i].bytes;
            rte_mbuf& mbuf = *::new (&mbufs_[i]) rte_mbuf{};
            mbuf.buf_addr = const_cast<std::uint8_t*>(bytes.data());  // who receives only reads
            mbuf.buf_len = static_cast<std::uint16_t>(bytes.size());
            mbuf.data_len = static_cast<std::uint16_t>(bytes.size());
            mbuf.pkt_len = static_cast<std::uint32_t>(bytes.size());
            mbuf.nb_segs = 1;
            rte_mbuf_refcnt_set(&mbuf, ours);
        }
    }

    // Nothing if the worker, who is far behind then, still has it.
    rte_mbuf* renew(std::size_t at, std::uint32_t client) {
        if (at + ahead < frames_.size()) {
            rte_prefetch0(&mbufs_[at + ahead]);
            rte_prefetch0(frames_[at + ahead].bytes.data() + RTE_CACHE_LINE_SIZE);  // addresses
        }
        rte_mbuf& mbuf = mbufs_[at];
        if (rte_mbuf_refcnt_read(&mbuf) != ours) return nullptr;
        rte_mbuf_refcnt_set(&mbuf, ours_and_workers);
        Mirror::set_client(frames_[at], client);
        return &mbuf;
    }

    std::uint16_t descriptors_;
    nic::Device device_{nic::parse_input("vdev:net_ring_cable"), 1, {}, {}, "net_ring_cable"};
    std::span<const packet::Frame> frames_;
    Arena arena_;
    std::span<rte_mbuf> mbufs_;
    rte_ring* ring_ = nullptr;  // goes with EAL
};

}  // namespace

std::unique_ptr<Cable> make_ring_cable(std::uint16_t descriptors) {
    return std::make_unique<RingCable>(descriptors);
}

}  // namespace rebuilder::bench
