// SPDX-License-Identifier: Apache-2.0
#include "pipeline/source_table.h"

namespace rebuilder::pipeline {

SourceTable::Source SourceTable::Entry::read() const noexcept {
    const packet::IpAddress address{high.load(std::memory_order_relaxed), low.load(std::memory_order_relaxed)};
    return {{address, vni.load(std::memory_order_relaxed)}, frames.load(std::memory_order_relaxed),
        bytes.load(std::memory_order_relaxed)};
}

void SourceTable::Entry::set(const Source& source) noexcept {
    high.store(source.origin.source.high, std::memory_order_relaxed);
    low.store(source.origin.source.low, std::memory_order_relaxed);
    vni.store(source.origin.vni, std::memory_order_relaxed);
    frames.store(source.frames, std::memory_order_relaxed);
    bytes.store(source.bytes, std::memory_order_relaxed);
}

// Where the origin stands in the index, or would.
std::size_t SourceTable::place_of(const packet::Origin& origin) const noexcept {
    const std::array<std::uint64_t, 3> words{origin.source.high, origin.source.low, origin.vni};
    std::size_t place = siphash13<3>(secret_, words) % places;
    while (index_[place] != 0 && entries_[index_[place] - 1u].read().origin != origin) place = (place + 1) % places;
    return place;
}

SourceTable::Entry& SourceTable::find(const packet::Origin& origin) noexcept {
    if (origin.vni == packet::no_vni) return others_;
    const std::size_t place = place_of(origin);
    if (index_[place] != 0) return entries_[index_[place] - 1u];
    const std::size_t size = size_.load(std::memory_order_relaxed);
    if (size == capacity) return others_;
    entries_[size].set({origin});
    entries_[size].marked_frames = 0;
    index_[place] = static_cast<std::uint16_t>(size + 1);
    size_.store(size + 1, std::memory_order_release);
    return entries_[size];
}

void SourceTable::mark() noexcept {
    if (size_.load(std::memory_order_relaxed) == capacity) forget_silent();
    const std::size_t size = size_.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < size; ++i) {
        entries_[i].marked_frames = entries_[i].frames.load(std::memory_order_relaxed);
    }
}

void SourceTable::forget_silent() noexcept {
    const std::uint64_t version = version_.load(std::memory_order_relaxed);
    version_.store(version + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    index_.fill(0);
    recent_.fill({{}, &others_});
    std::size_t kept = 0;
    for (Entry& entry : entries_) {
        const Source source = entry.read();
        if (source.frames == entry.marked_frames) {
            others_.add(source.frames, source.bytes);
            continue;
        }
        entries_[kept].set(source);
        index_[place_of(source.origin)] = static_cast<std::uint16_t>(kept + 1);
        ++kept;
    }
    size_.store(kept, std::memory_order_relaxed);
    version_.store(version + 2, std::memory_order_release);
}

bool SourceTable::read(std::vector<Source>& sources, Source& others) const {
    const std::uint64_t before = version_.load(std::memory_order_acquire);
    if (before % 2 != 0) return false;
    const std::size_t size = size_.load(std::memory_order_acquire);
    std::vector<Source> found;
    for (std::size_t i = 0; i < size; ++i) found.push_back(entries_[i].read());
    const Source rest = others_.read();
    std::atomic_thread_fence(std::memory_order_acquire);
    if (version_.load(std::memory_order_relaxed) != before) return false;
    sources = std::move(found);
    others = {{}, rest.frames, rest.bytes};
    return true;
}

}  // namespace rebuilder::pipeline
