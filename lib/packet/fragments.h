// SPDX-License-Identifier: Apache-2.0
// FragmentTable: IP datagrams put together from their fragments (RFC 791, section 3.2; RFC 8200, section 4.5).
//
// In:    add() takes one fragment, as parse_ip() left it.
// Out:   with the last one to come, the datagram's payload in one piece, in the table's own memory.
// Rules: any order. A copy of bytes that are there is ignored; fragments that overlap otherwise, contradict the
//        datagram's length or pass 64 KiB give the whole datagram up, as hosts do since RFC 5722 (an overlap is an
//        attack on whoever reads it differently). A fragment that the mirror cut leaves a hole that no other may fill, so its
//        datagram expires.
// Bytes: copied. A whole datagram's live until release(), which the owner calls between bursts.
// Bound: limits.max_datagrams buffers of 64 KiB, mapped at construction and touched as far as they are used. When all
//        are taken the oldest datagram is given up. fragments_expired counts each one given up or too old.
// Never allocates after construction, throws or reads a clock.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/counters.h"
#include "base/mapping.h"
#include "base/siphash.h"
#include "packet/ip.h"

namespace rebuilder::packet {

struct FragmentLimits {
    std::size_t max_datagrams = 512;           // being put together at once; then the oldest is given up
    std::uint64_t timeout_ns = 2'000'000'000;  // from a datagram's first fragment; then it is given up
};

class FragmentTable {
  public:
    enum class Verdict : std::uint8_t {
        waits,     // others have yet to come
        refused,   // it contradicts them
        complete,  // the packet is the whole datagram now
    };

    FragmentTable(const FragmentLimits& limits, const HashSecret& secret, Counters& counters);

    // `vni` tells apart datagrams of networks that use the same addresses.
    [[nodiscard]] Verdict add(IpPacket& packet, std::uint32_t vni, std::uint64_t now_ns) noexcept;

    // The whole datagrams answered so far are not read any more.
    void release() noexcept;
    // Gives up datagrams that are too old.
    void expire(std::uint64_t now_ns) noexcept;
    // Gives up all.
    void drain() noexcept;

    [[nodiscard]] std::size_t in_use() const noexcept { return in_use_; }
    [[nodiscard]] std::size_t mapped_bytes() const noexcept { return buffers_.size(); }
    [[nodiscard]] static constexpr std::size_t bytes(const FragmentLimits& limits) noexcept {
        return limits.max_datagrams * datagram_bytes;
    }

  private:
    static constexpr std::size_t datagram_bytes = 65'536;
    static constexpr std::size_t max_ranges = 32;  // runs of bytes with holes between them
    static constexpr std::uint32_t none = 0xffffffff;

    struct Key {
        IpAddress source;
        IpAddress destination;
        std::uint32_t id;
        std::uint32_t vni;
        std::uint64_t protocol;  // of IPv4 (RFC 791); IPv6 doesn't tell datagrams apart by it

        bool operator==(const Key&) const = default;
    };

    struct Range {
        std::uint32_t begin;
        std::uint32_t end;
    };

    struct Datagram {
        Key key;
        std::uint64_t since_ns;
        std::uint32_t next_in_bucket;
        std::uint32_t older;  // of those being put together; of the complete and the free ones, the next
        std::uint32_t newer;
        std::uint32_t total;  // bytes, 0 while the last fragment hasn't come
        std::uint8_t protocol;
        bool refused;
        bool cut;  // one of its fragments came without its end
        std::uint8_t ranges;
        std::array<Range, max_ranges> present;  // ascending, with holes between them
    };

    [[nodiscard]] Datagram* find_or_begin(const Key& key, std::uint64_t now_ns) noexcept;
    [[nodiscard]] bool insert(Datagram& datagram, const IpPacket& packet) noexcept;
    [[nodiscard]] static bool insert_range(Datagram& datagram, std::size_t at, Range range) noexcept;
    void unlink(std::uint32_t index) noexcept;
    void give_up(std::uint32_t index) noexcept;
    [[nodiscard]] std::uint32_t& bucket_of(const Key& key) noexcept;
    [[nodiscard]] std::uint8_t* buffer(const Datagram& datagram) const noexcept;

    FragmentLimits limits_;
    HashSecret secret_;
    Counters& counters_;
    std::vector<std::uint32_t> buckets_;
    std::vector<Datagram> datagrams_;
    Mapping buffers_;
    std::uint32_t free_ = none;
    std::uint32_t complete_ = none;
    std::uint32_t oldest_ = none;
    std::uint32_t newest_ = none;
    std::size_t in_use_ = 0;
};

}  // namespace rebuilder::packet
