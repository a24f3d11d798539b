// SPDX-License-Identifier: Apache-2.0
// SourceTable: the frames and bytes of a worker by their origin, for an operator who wants to see who mirrors.
//
// In:    count() for frames, or a Run of it; tick() the time, now and then.
// Out:   read(), from any thread: all sources, and the others: frames in no tunnel, and of sources for which there was no room.
// Sums:  over all sources and the others, frames and bytes are those that were counted; none ever leaves.
// Never: allocates after construction, or asks the owner to wait. A full table forgets the sources that were silent for a
//        minute: what they brought is the others' then. Addresses can be forged, so the hash is keyed.
// One thread owns it. A reader that meets it while it forgets comes again later (a sequence lock, as forward::EndpointBoard).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/siphash.h"
#include "packet/origin.h"

namespace rebuilder::pipeline {

class SourceTable {
  public:
    static constexpr std::size_t capacity = 256;
    static constexpr std::uint64_t forget_after_ns = 60'000'000'000;

    struct Source {
        packet::Origin origin;
        std::uint64_t frames = 0;
        std::uint64_t bytes = 0;
    };

    explicit SourceTable(const HashSecret& secret) noexcept : secret_(secret) { recent_.fill({{}, &others_}); }

    SourceTable(const SourceTable&) = delete;
    SourceTable& operator=(const SourceTable&) = delete;

    // ---- the owner ----

    // Frames of one source mostly come in a row, which is counted at its end: a Run goes through a burst.
    class Run {
      public:
        explicit Run(SourceTable& table) noexcept : table_(table) {}
        ~Run() { table_.count(origin_, frames_, bytes_); }
        Run(const Run&) = delete;
        Run& operator=(const Run&) = delete;

        void count(const packet::Origin& origin, std::size_t bytes) noexcept {
            if (origin != origin_) {
                table_.count(origin_, frames_, bytes_);
                origin_ = origin;
                frames_ = 0;
                bytes_ = 0;
            }
            ++frames_;
            bytes_ += bytes;
        }

      private:
        SourceTable& table_;
        packet::Origin origin_;
        std::uint64_t frames_ = 0;
        std::uint64_t bytes_ = 0;
    };

    // Most are of a source that was seen just before, so the keyed hash is mostly spared.
    void count(const packet::Origin& origin, std::uint64_t frames, std::uint64_t bytes) noexcept {
        if (frames == 0) return;
        Recent& recent = recent_[(origin.source.low ^ origin.source.low >> 8 ^ origin.vni) % recent_.size()];
        if (recent.origin != origin) recent = {origin, &find(origin)};
        recent.entry->add(frames, bytes);
    }

    void tick(std::uint64_t now_ns) noexcept {
        if (now_ns < next_mark_ns_) return;
        next_mark_ns_ = now_ns + forget_after_ns;
        mark();
    }

    // ---- any thread ----

    // False when the owner is just forgetting some; nothing is told then.
    [[nodiscard]] bool read(std::vector<Source>& sources, Source& others) const;

  private:
    struct Entry {
        std::atomic<std::uint64_t> high{0};  // packet::Origin
        std::atomic<std::uint64_t> low{0};
        std::atomic<std::uint32_t> vni{0};
        std::atomic<std::uint64_t> frames{0};
        std::atomic<std::uint64_t> bytes{0};
        std::uint64_t marked_frames = 0;  // owner: rw

        [[nodiscard]] Source read() const noexcept;
        void set(const Source& source) noexcept;
        void add(std::uint64_t more_frames, std::uint64_t more_bytes) noexcept {
            frames.store(frames.load(std::memory_order_relaxed) + more_frames, std::memory_order_relaxed);
            bytes.store(bytes.load(std::memory_order_relaxed) + more_bytes, std::memory_order_relaxed);
        }
    };

    struct Recent {
        packet::Origin origin;
        Entry* entry;
    };

    static constexpr std::size_t places = 2 * capacity;

    [[nodiscard]] std::size_t place_of(const packet::Origin& origin) const noexcept;
    [[nodiscard]] Entry& find(const packet::Origin& origin) noexcept;
    void mark() noexcept;
    void forget_silent() noexcept;

    HashSecret secret_;
    std::array<Recent, 64> recent_;  // at first all of no tunnel, which is one of the others
    std::uint64_t next_mark_ns_ = 0;
    std::atomic<std::uint64_t> version_{0};  // odd while entries move. Owner: w, any: r; so are the entries
    std::atomic<std::size_t> size_{0};
    Entry others_;
    std::array<Entry, capacity> entries_;
    std::array<std::uint16_t, places> index_{};  // owner: rw. A place's entry, plus one; 0: free
};

}  // namespace rebuilder::pipeline
