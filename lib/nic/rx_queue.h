// SPDX-License-Identifier: Apache-2.0
// RxQueue: one RX queue of a port, seen by the one worker that polls it. The hot path of this module.
//
// In:   the time, once a burst: all frames of a burst carry it.
// Out:  up to burst_size frames. Their bytes lie in the port's buffers (mbufs) and belong to the queue: they
//       live until the next receive() or release(), which gives the buffers back in bulk. Who needs bytes for
//       longer copies them. No frames while the port's gate is closed.
// A frame that came in several buffers is joined into a scratch area of the queue; beyond 64 KiB it is cut,
// as if the mirror had cut it. Both are counted here. Never allocates after construction, never throws, makes
// no system call of its own (the drivers of kernel interfaces do).
// One thread at a time; gone, or released, before its Port.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "base/bytes.h"
#include "nic/exception_queue.h"
#include "nic/port_gate.h"
#include "packet/frame.h"

namespace rebuilder::nic {

class RxQueue {
  public:
    static constexpr std::uint16_t burst_size = 64;
    static constexpr std::size_t largest_frame = 65'536;
    static_assert(burst_size <= 64, "a bit for each frame");

    // `ends`: an empty burst is the end of the input (a capture file), not a pause. `exceptions`: takes the frames that
    // aren't the mirror's; none: nobody does.
    RxQueue(std::uint16_t port, std::uint16_t queue, bool ends, PortGate::Pass pass, ExceptionQueue* exceptions)
        : port_(port)
        , queue_(queue)
        , ends_(ends)
        , pass_(pass)
        , exceptions_(exceptions)
        , scratch_(std::make_unique_for_overwrite<std::uint8_t[]>(burst_size * largest_frame)) {}

    ~RxQueue() { release(); }
    RxQueue(RxQueue&& other) noexcept = default;
    RxQueue& operator=(RxQueue&& other) = delete;

    [[nodiscard]] std::span<const packet::Frame> receive(std::uint64_t now_ns) noexcept {
        release();
        if (!pass_.open()) [[unlikely]]
            return {};
        Buffers& in_hand = *in_hand_;
        in_hand.count = rte_eth_rx_burst(port_, queue_, in_hand.mbufs.data(), burst_size);
        if (in_hand.count == 0) {
            ended_ = ends_;
            return {};
        }
        for (std::uint16_t i = 0; i < in_hand.count; ++i) {
            const auto* first = rte_pktmbuf_mtod(in_hand.mbufs[i], const std::uint8_t*);
            rte_prefetch0(first);                        // outer headers, tunnel header, inner Ethernet
            rte_prefetch0(first + RTE_CACHE_LINE_SIZE);  // inner IP and TCP headers
        }
        std::uint8_t* free_scratch = scratch_.get();
        for (std::uint16_t i = 0; i < in_hand.count; ++i) {
            const rte_mbuf& mbuf = *in_hand.mbufs[i];
            packet::Frame& frame = in_hand.frames[i];
            frame.time_ns = now_ns;
            frame.bytes = {rte_pktmbuf_mtod(&mbuf, const std::uint8_t*), mbuf.data_len};
            if (mbuf.nb_segs > 1) [[unlikely]] {
                frame.bytes = join(mbuf, free_scratch);
                free_scratch += frame.bytes.size();
            }
        }
        return {in_hand.frames.data(), in_hand.count};
    }

    // Of the frames in hand, those with a bit in `which` aren't the mirror's: the first is bit 0.
    void except(std::uint64_t which) noexcept {
        if (exceptions_ == nullptr) return;
        for (; which != 0; which &= which - 1) {
            exceptions_->offer(in_hand_->frames[static_cast<std::size_t>(std::countr_zero(which))].bytes);
        }
    }

    [[nodiscard]] bool has_exceptions() const noexcept { return exceptions_ != nullptr; }

    void release() noexcept {
        if (!in_hand_ || in_hand_->count == 0) return;
        rte_pktmbuf_free_bulk(in_hand_->mbufs.data(), in_hand_->count);
        in_hand_->count = 0;
    }

    // The capture file was read to its end.
    [[nodiscard]] bool ended() const noexcept { return ended_; }

    [[nodiscard]] std::uint64_t frames_joined() const noexcept { return joined_; }
    [[nodiscard]] std::uint64_t frames_cut() const noexcept { return cut_; }

  private:
    struct Buffers {
        std::uint16_t count = 0;
        std::array<rte_mbuf*, burst_size> mbufs{};
        std::array<packet::Frame, burst_size> frames{};
    };

    // `to` has room for one largest frame: each frame of a burst takes at most that. Beyond 64 KiB some
    // drivers have fewer bytes in the pieces than in the total, so only the pieces are believed.
    Bytes join(const rte_mbuf& mbuf, std::uint8_t* to) noexcept {
        std::size_t size = 0;
        for (const rte_mbuf* piece = &mbuf; piece != nullptr; piece = piece->next) {
            const std::size_t take = std::min<std::size_t>(piece->data_len, largest_frame - size);
            std::memcpy(to + size, rte_pktmbuf_mtod(piece, const std::uint8_t*), take);
            size += take;
        }
        ++joined_;
        if (mbuf.pkt_len > size) ++cut_;
        return {to, size};
    }

    std::uint16_t port_;
    std::uint16_t queue_;
    bool ends_;
    PortGate::Pass pass_;
    ExceptionQueue* exceptions_;
    bool ended_ = false;
    std::unique_ptr<Buffers> in_hand_ = std::make_unique<Buffers>();
    std::unique_ptr<std::uint8_t[]> scratch_;  // pages are touched only by frames that need joining
    std::uint64_t joined_ = 0;
    std::uint64_t cut_ = 0;
};

}  // namespace rebuilder::nic
