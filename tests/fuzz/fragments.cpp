// SPDX-License-Identifier: Apache-2.0
// FragmentTable: fragments in any order, sent twice, overlapping, contradicting each other, are what a byte-wise model
// makes of them.
//
// Input: operations of four bytes: which datagram and when, flags, and the place; then a length.
// Each verdict is the model's, and so are the bytes of a whole datagram. At the end no buffer is in use.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "fuzz/fuzz.h"
#include "packet/fragments.h"

using namespace rebuilder;
using namespace rebuilder::fuzz;
using packet::FragmentLimits;
using packet::FragmentTable;
using packet::IpPacket;
using Verdict = FragmentTable::Verdict;

namespace {

constexpr std::uint32_t largest_datagram = 65535;
constexpr std::size_t most_runs = 32;
constexpr std::size_t most_operations = 200;

constexpr FragmentLimits limits{.max_datagrams = 3, .timeout_ns = 2'000'000'000};

// A datagram by its bytes.
struct Datagram {
    std::uint32_t number;
    std::uint64_t since_ns;
    std::vector<int> bytes{};  // no_byte where there is none
    std::size_t total = 0;     // 0 while it isn't known
    bool refused = false;
    bool cut = false;  // what a fragment lacks is nobody else's to bring

    static constexpr int no_byte = -1;

    // False when the fragment contradicts what is there.
    bool insert(const IpPacket& packet) {
        const std::size_t begin = packet.fragment_offset;
        const std::size_t present = packet.payload.size();
        const std::size_t end = begin + present + packet.missing;
        if (end == begin || end > largest_datagram) return false;
        if (packet.more_fragments && (end - begin) % 8 != 0) return false;
        if (packet.more_fragments && total != 0 && end > total) return false;
        if (!packet.more_fragments && (bytes.size() > end || (total != 0 && total != end))) return false;
        if (!packet.more_fragments) total = end;
        if (present == 0) {
            cut = cut || packet.missing != 0;
            return true;
        }
        if (bytes.size() < begin + present) bytes.resize(begin + present, no_byte);
        const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(begin);
        const auto to = from + static_cast<std::ptrdiff_t>(present);
        if (!std::all_of(from, to, [](int byte) { return byte == no_byte; })) {
            if (!std::equal(from, to, packet.payload.begin())) return false;
            const auto run_end = static_cast<std::size_t>(std::find(to, bytes.end(), no_byte) - bytes.begin());
            cut = cut || end > run_end;
            return true;
        }
        cut = cut || packet.missing != 0;
        std::copy(packet.payload.begin(), packet.payload.end(), from);
        return runs() <= most_runs;
    }
    [[nodiscard]] std::size_t runs() const {
        std::size_t count = 0;
        for (std::size_t at = 0; at < bytes.size(); ++at) {
            count += bytes[at] != no_byte && (at == 0 || bytes[at - 1] == no_byte);
        }
        return count;
    }
    [[nodiscard]] bool whole() const {
        return !cut && total != 0 && bytes.size() == total &&
               std::find(bytes.begin(), bytes.end(), no_byte) == bytes.end();
    }
};

class Model {
  public:
    Verdict add(std::uint32_t number, const IpPacket& packet, std::uint64_t now_ns) {
        std::erase_if(waiting_, [now_ns](const Datagram& one) { return now_ns >= one.since_ns + limits.timeout_ns; });
        auto found = std::find_if(
            waiting_.begin(), waiting_.end(), [number](const Datagram& one) { return one.number == number; });
        if (found == waiting_.end()) {
            if (complete_ == limits.max_datagrams) return Verdict::refused;
            if (in_use() == limits.max_datagrams) waiting_.erase(waiting_.begin());
            found = waiting_.insert(waiting_.end(), {.number = number, .since_ns = now_ns});
        }
        if (found->refused || !found->insert(packet)) {
            found->refused = true;
            return Verdict::refused;
        }
        if (!found->whole()) return Verdict::waits;
        last_.assign(found->bytes.begin(), found->bytes.end());
        waiting_.erase(found);
        ++complete_;
        return Verdict::complete;
    }
    void release() { complete_ = 0; }

    [[nodiscard]] std::size_t in_use() const { return waiting_.size() + complete_; }
    [[nodiscard]] const std::vector<std::uint8_t>& last() const { return last_; }

  private:
    std::vector<Datagram> waiting_;   // the oldest first
    std::size_t complete_ = 0;        // not released yet
    std::vector<std::uint8_t> last_;  // bytes of the last whole one
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    Counters counters;
    FragmentTable table(limits, {11, 22}, counters);
    Model model;
    constexpr std::array<std::uint64_t, 4> steps{0, 0, limits.timeout_ns / 2, limits.timeout_ns};
    std::uint64_t now_ns = 1'700'000'000'000'000'000;
    for (std::size_t i = 0; i < most_operations && !input.empty(); ++i) {
        const std::uint8_t operation = input.byte();
        const std::uint8_t flags = input.byte();
        const std::uint32_t number = operation & 7;
        now_ns += steps[operation >> 6];
        IpPacket packet;
        packet.source = packet::IpAddress::v4(number & 1);
        packet.protocol = packet::protocol_udp;
        packet.fragment_id = number >> 1;
        packet.fragment_offset = (input.word() & 0x1fffu) * 8;
        packet.more_fragments = (flags & 1) != 0;
        packet.missing = (flags & 2) != 0 ? 8 : 0;
        std::vector<std::uint8_t> bytes(input.byte() * ((flags & 4) != 0 ? std::size_t{8} : std::size_t{1}));
        std::uint32_t place = packet.fragment_offset + number;
        for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(place++ * 37 + (flags >> 7));
        const Copy copy(bytes);
        packet.payload = copy.bytes();

        const Verdict expected = model.add(number, packet, now_ns);
        const Verdict verdict = table.add(packet, 1, now_ns);
        check(verdict == expected, "another verdict");
        if (verdict == Verdict::complete) {
            const Bytes whole = packet.payload;
            check(std::equal(whole.begin(), whole.end(), model.last().begin(), model.last().end()), "other bytes");
            check(packet.missing == 0, "something of a whole datagram is missing");
        }
        check(table.in_use() == model.in_use(), "another number of buffers in use");
        if ((flags & 8) == 0) continue;
        table.release();
        model.release();
    }
    table.drain();
    check(table.in_use() == 0, "a buffer is in use");
    return 0;
}
