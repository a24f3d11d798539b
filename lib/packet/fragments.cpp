// SPDX-License-Identifier: Apache-2.0
#include "packet/fragments.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace rebuilder::packet {

FragmentTable::FragmentTable(const FragmentLimits& limits, const HashSecret& secret, Counters& counters)
    : limits_(limits)
    , secret_(secret)
    , counters_(counters)
    , buckets_(std::bit_ceil(limits.max_datagrams * 2), none)
    , datagrams_(limits.max_datagrams)
    , buffers_(bytes(limits)) {
    for (std::uint32_t i = 0; i < datagrams_.size(); ++i) {
        datagrams_[i].older = free_;
        free_ = i;
    }
}

FragmentTable::Verdict FragmentTable::add(IpPacket& packet, std::uint32_t vni, std::uint64_t now_ns) noexcept {
    const bool v4 = packet.source.is_v4();
    const Key key{packet.source, packet.destination, packet.fragment_id, vni, v4 ? packet.protocol : 0u};
    expire(now_ns);
    Datagram* const found = find_or_begin(key, now_ns);
    if (found == nullptr || found->refused) return Verdict::refused;
    Datagram& datagram = *found;
    if (!insert(datagram, packet)) {
        // Remembered as refused until it expires, so that its other fragments don't begin it anew.
        datagram.refused = true;
        return Verdict::refused;
    }
    const Range whole{0, datagram.total};
    if (datagram.cut || datagram.total == 0 || datagram.ranges != 1 || datagram.present[0].begin != whole.begin ||
        datagram.present[0].end != whole.end) {
        return Verdict::waits;
    }
    packet.protocol = datagram.protocol;
    packet.payload = {buffer(datagram), datagram.total};
    packet.missing = 0;
    const auto index = static_cast<std::uint32_t>(&datagram - datagrams_.data());
    unlink(index);
    datagram.older = complete_;
    complete_ = index;
    return Verdict::complete;
}

void FragmentTable::release() noexcept {
    while (complete_ != none) {
        Datagram& datagram = datagrams_[complete_];
        const std::uint32_t next = datagram.older;
        datagram.older = free_;
        free_ = complete_;
        complete_ = next;
        --in_use_;
    }
}

void FragmentTable::expire(std::uint64_t now_ns) noexcept {
    while (oldest_ != none && now_ns >= datagrams_[oldest_].since_ns + limits_.timeout_ns) give_up(oldest_);
}

void FragmentTable::drain() noexcept {
    while (oldest_ != none) give_up(oldest_);
    release();
}

// Null when every buffer holds a whole datagram that is still read.
FragmentTable::Datagram* FragmentTable::find_or_begin(const Key& key, std::uint64_t now_ns) noexcept {
    for (std::uint32_t i = bucket_of(key); i != none; i = datagrams_[i].next_in_bucket) {
        if (datagrams_[i].key == key) return &datagrams_[i];
    }
    if (free_ == none && oldest_ == none) return nullptr;
    if (free_ == none) give_up(oldest_);
    const std::uint32_t index = free_;
    Datagram& datagram = datagrams_[index];
    free_ = datagram.older;
    ++in_use_;
    std::uint32_t& bucket = bucket_of(key);
    datagram.key = key;
    datagram.since_ns = now_ns;
    datagram.next_in_bucket = bucket;
    datagram.older = newest_;
    datagram.newer = none;
    datagram.total = 0;
    datagram.refused = false;
    datagram.cut = false;
    datagram.ranges = 0;
    bucket = index;
    (newest_ != none ? datagrams_[newest_].newer : oldest_) = index;
    newest_ = index;
    return &datagram;
}

// False when the fragment contradicts what is there.
bool FragmentTable::insert(Datagram& datagram, const IpPacket& packet) noexcept {
    const auto present = static_cast<std::uint32_t>(packet.payload.size());
    const std::uint32_t end = packet.fragment_offset + present + packet.missing;
    if (end > datagram_bytes - 1 || end == packet.fragment_offset) return false;
    if (packet.more_fragments) {
        // All but the last are multiples of 8 bytes, else the next could not say where it stands.
        if ((end - packet.fragment_offset) % 8 != 0) return false;
        if (datagram.total != 0 && end > datagram.total) return false;
    } else {
        if (datagram.total != 0 && datagram.total != end) return false;
        if (datagram.ranges != 0 && datagram.present[datagram.ranges - 1].end > end) return false;
        datagram.total = end;
    }
    if (packet.fragment_offset == 0) datagram.protocol = packet.protocol;

    const Range range{packet.fragment_offset, packet.fragment_offset + present};
    std::size_t at = 0;  // the first run that doesn't end in front of the fragment
    while (at < datagram.ranges && datagram.present[at].end <= range.begin) ++at;
    if (present != 0 && at < datagram.ranges && datagram.present[at].begin < range.end) {
        const Range& there = datagram.present[at];
        if (end > there.end) datagram.cut = true;  // if it is no contradiction anyway
        return there.begin <= range.begin && range.end <= there.end &&
               std::memcmp(buffer(datagram) + range.begin, packet.payload.data(), present) == 0;
    }
    if (packet.missing != 0) datagram.cut = true;
    if (present == 0) return true;
    if (!insert_range(datagram, at, range)) return false;
    std::memcpy(buffer(datagram) + range.begin, packet.payload.data(), present);
    return true;
}

// Enters a run in front of number `at`, joined with its neighbours where it touches them.
bool FragmentTable::insert_range(Datagram& datagram, std::size_t at, Range range) noexcept {
    auto& runs = datagram.present;
    const bool joins_left = at > 0 && runs[at - 1].end == range.begin;
    const bool joins_right = at < datagram.ranges && runs[at].begin == range.end;
    if (joins_left && joins_right) {
        runs[at - 1].end = runs[at].end;
        std::copy(runs.begin() + static_cast<std::ptrdiff_t>(at) + 1, runs.begin() + datagram.ranges,
            runs.begin() + static_cast<std::ptrdiff_t>(at));
        --datagram.ranges;
    } else if (joins_left) {
        runs[at - 1].end = range.end;
    } else if (joins_right) {
        runs[at].begin = range.begin;
    } else {
        if (datagram.ranges == max_ranges) return false;
        std::copy_backward(runs.begin() + static_cast<std::ptrdiff_t>(at), runs.begin() + datagram.ranges,
            runs.begin() + datagram.ranges + 1);
        runs[at] = range;
        ++datagram.ranges;
    }
    return true;
}

// Out of its bucket and of the list by age.
void FragmentTable::unlink(std::uint32_t index) noexcept {
    Datagram& datagram = datagrams_[index];
    std::uint32_t* link = &bucket_of(datagram.key);
    while (*link != index) link = &datagrams_[*link].next_in_bucket;
    *link = datagram.next_in_bucket;
    (datagram.older != none ? datagrams_[datagram.older].newer : oldest_) = datagram.newer;
    (datagram.newer != none ? datagrams_[datagram.newer].older : newest_) = datagram.older;
}

void FragmentTable::give_up(std::uint32_t index) noexcept {
    unlink(index);
    datagrams_[index].older = free_;
    free_ = index;
    --in_use_;
    counters_.add(Counter::fragments_expired);
}

std::uint32_t& FragmentTable::bucket_of(const Key& key) noexcept {
    static_assert(sizeof(Key) == 48, "the key is hashed as six words: no padding");
    const auto words = std::bit_cast<std::array<std::uint64_t, 6>>(key);
    return buckets_[siphash13<6>(secret_, words) & (buckets_.size() - 1)];
}

std::uint8_t* FragmentTable::buffer(const Datagram& datagram) const noexcept {
    return buffers_.data() + static_cast<std::size_t>(&datagram - datagrams_.data()) * datagram_bytes;
}

}  // namespace rebuilder::packet
