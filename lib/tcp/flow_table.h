// SPDX-License-Identifier: Apache-2.0
// FlowTable: the connections that a worker follows.
//
// Open addressing with linear probing over an index of 8 byte entries, at most half full; the flows stand apart in an
// array, so that a probe reads one line and a hit reads the flow's own. Erasing shifts the entries behind it, so
// there are no tombstones and lookups do not slow down with age. The hash is keyed (FlowKey::hash), the whole key is
// compared. All memory is mapped at construction and touched as flows come; references stay valid until erase().
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "base/mapping.h"
#include "packet/flow_key.h"
#include "tcp/timing_wheel.h"

namespace rebuilder::tcp {

// Of an index, which has more than twice as many entries as the table has flows.
inline constexpr unsigned home_bits = 29;

template <class Flow>  // has: FlowKey key; std::uint32_t home : home_bits; TimerLink timer;
class FlowTable {
  public:
    explicit FlowTable(std::size_t max_flows)
        : max_flows_(max_flows)
        , mask_(std::bit_ceil(max_flows * 2) - 1)
        , index_((mask_ + 1) * sizeof(Entry))
        , flows_(max_flows * sizeof(Flow)) {}

    FlowTable(const FlowTable&) = delete;
    FlowTable& operator=(const FlowTable&) = delete;

    // Brings the index line of a coming lookup into the cache.
    void prefetch(std::uint64_t hash) const noexcept { __builtin_prefetch(&entries()[hash & mask_]); }
    // Once that line is here: the flow that the lookup will find, nearly always; null when it will probably find none. Its own
    // bytes aren't touched, so that they can be asked for.
    [[nodiscard]] Flow* probable(std::uint64_t hash) noexcept {
        const Entry& entry = entries()[hash & mask_];
        const Entry& next = entries()[(hash + 1) & mask_];
        const auto tag = static_cast<std::uint32_t>(hash >> 32);
        if (entry.flow != 0 && entry.tag == tag) return &(*this)[entry.flow - 1];
        return next.flow != 0 && next.tag == tag ? &(*this)[next.flow - 1] : nullptr;
    }

    [[nodiscard]] Flow* find(const packet::FlowKey& key, std::uint64_t hash) noexcept {
        const auto tag = static_cast<std::uint32_t>(hash >> 32);
        for (std::size_t at = hash & mask_;; at = (at + 1) & mask_) {
            const Entry& entry = entries()[at];
            if (entry.flow == 0) return nullptr;
            if (entry.tag == tag) {
                Flow& flow = (*this)[entry.flow - 1];
                if (flow.key == key) return &flow;
            }
        }
    }

    // Enters a fresh flow. Null when the table is full. The key must not be in it.
    [[nodiscard]] Flow* insert(const packet::FlowKey& key, std::uint64_t hash) noexcept {
        std::uint32_t index = free_;
        if (index != no_index) {
            free_ = (*this)[index].timer.next;
        } else if (fresh_ < max_flows_) {
            index = fresh_++;
        } else {
            return nullptr;
        }
        Flow* flow = new (&(*this)[index]) Flow{};
        flow->key = key;
        std::size_t at = hash & mask_;
        flow->home = at & ((1U << home_bits) - 1);
        while (entries()[at].flow != 0) at = (at + 1) & mask_;
        entries()[at] = {static_cast<std::uint32_t>(hash >> 32), index + 1};
        ++size_;
        return flow;
    }

    // The flow must not be scheduled in a wheel any more.
    void erase(Flow& flow) noexcept {
        const std::uint32_t index = index_of(flow);
        std::size_t hole = flow.home;
        while (entries()[hole].flow != index + 1) hole = (hole + 1) & mask_;
        // Backward shift: an entry behind the hole moves into it unless that is in front of its own home.
        for (std::size_t at = (hole + 1) & mask_; entries()[at].flow != 0; at = (at + 1) & mask_) {
            const std::size_t home = (*this)[entries()[at].flow - 1].home;
            if (((at - home) & mask_) >= ((at - hole) & mask_)) {
                entries()[hole] = entries()[at];
                hole = at;
            }
        }
        entries()[hole] = Entry{};
        flow.timer.next = free_;
        free_ = index;
        --size_;
    }

    [[nodiscard]] Flow& operator[](std::uint32_t index) noexcept {
        return reinterpret_cast<Flow*>(flows_.data())[index];
    }
    [[nodiscard]] std::uint32_t index_of(const Flow& flow) const noexcept {
        return static_cast<std::uint32_t>(&flow - reinterpret_cast<const Flow*>(flows_.data()));
    }
    [[nodiscard]] TimerLink& timer(std::uint32_t index) noexcept { return (*this)[index].timer; }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t max_flows() const noexcept { return max_flows_; }
    [[nodiscard]] std::size_t mapped_bytes() const noexcept { return index_.size() + flows_.size(); }

  private:
    struct Entry {
        std::uint32_t tag = 0;   // the hash's upper half
        std::uint32_t flow = 0;  // index + 1; 0 is a free entry, which is what fresh memory is
    };

    [[nodiscard]] Entry* entries() const noexcept { return reinterpret_cast<Entry*>(index_.data()); }

    std::size_t max_flows_;
    std::size_t mask_;
    Mapping index_;
    Mapping flows_;
    std::uint32_t free_ = no_index;
    std::uint32_t fresh_ = 0;
    std::size_t size_ = 0;
};

}  // namespace rebuilder::tcp
