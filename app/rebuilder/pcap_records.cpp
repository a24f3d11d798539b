// SPDX-License-Identifier: Apache-2.0
#include "pcap_records.h"

#include <fmt/format.h>

#include <algorithm>

namespace rebuilder {
namespace {

constexpr std::uint32_t magic_us = 0xa1b2c3d4;
constexpr std::uint32_t magic_ns = 0xa1b23c4d;

}  // namespace

bool PcapRecords::usual(Bytes beginning) noexcept {
    if (beginning.size() < 8) return false;
    for (const bool swapped : {false, true}) {
        const std::uint32_t magic = from_file(beginning.data(), swapped);
        if (magic != magic_us && magic != magic_ns) continue;
        std::uint16_t version[2];  // other versions have other records
        std::memcpy(version, beginning.data() + 4, sizeof(version));
        const std::uint16_t two = swapped ? 0x0200 : 2;
        const std::uint16_t four = swapped ? 0x0400 : 4;
        return version[0] == two && version[1] == four;
    }
    return false;
}

PcapRecords::PcapRecords(
    ReadAhead& file, Bytes beginning, std::uint32_t snapshot_length, packet::LinkType link) noexcept
    : file_(file)
    , snapshot_length_(snapshot_length)
    , link_(link) {
    const std::uint32_t magic = from_file(beginning.data(), false);
    swapped_ = magic != magic_us && magic != magic_ns;
    fraction_ns_ = from_file(beginning.data(), swapped_) == magic_ns ? 1 : 1'000;
}

bool PcapRecords::fetch(packet::Frame& frame) {
    while (!ready(frame)) {
        if (!problem_.empty()) return false;
        const Bytes rest = file_.rest();
        const bool impossible = rest.size() >= record_header && number(rest.data() + 8) > largest_frame;
        if (impossible || !file_.more()) {
            problem_ = why_ended();
            return false;
        }
    }
    return true;
}

std::string PcapRecords::why_ended() const {
    if (file_.error() != 0) return fmt::format("error reading dump file: {}", std::strerror(file_.error()));
    const Bytes rest = file_.rest();
    if (rest.empty()) return {};
    if (rest.size() < record_header) {
        return fmt::format(
            "truncated dump file; tried to read {} header bytes, only got {}", record_header, rest.size());
    }
    const std::uint32_t size = number(rest.data() + 8);
    if (size > largest_frame) {
        return size > snapshot_length_
                   ? fmt::format("invalid packet capture length {}, bigger than snaplen of {}", size, snapshot_length_)
                   : fmt::format("invalid packet capture length {}, bigger than maximum of {}", size, largest_frame);
    }
    // libpcap reads what it keeps, then what it doesn't.
    const std::size_t got = rest.size() - record_header;
    const std::uint32_t kept = std::min(size, snapshot_length_);
    return fmt::format(
        "truncated dump file; tried to read {} captured bytes, only got {}", got < kept ? kept : size, got);
}

}  // namespace rebuilder
