// SPDX-License-Identifier: Apache-2.0
// PcapRecords: the records behind the header of a pcap file, version 2.4, in microseconds or nanoseconds and in either byte
// order. Of what libpcap makes of such a file it differs in one thing: seconds have no sign, so time goes on after 2038.
//
// Out: frames that are views into the ReadAhead, which live until its more(), so until the next fetch(). A record longer than
// the file's snapshot length is cut to it. A record in whose middle the file ends, or that can't be so long, is the end, and
// problem() says so in libpcap's words.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

#include "base/bytes.h"
#include "packet/frame.h"
#include "read_ahead.h"

namespace rebuilder {

class PcapRecords {
  public:
    static constexpr std::size_t file_header = 24;
    static constexpr std::uint32_t largest_frame = 262'144;  // libpcap's own limit

    // Whether a file that begins so is one for us.
    [[nodiscard]] static bool usual(Bytes beginning) noexcept;

    // `file` stands behind its header, which begins with `beginning`.
    PcapRecords(ReadAhead& file, Bytes beginning, std::uint32_t snapshot_length, packet::LinkType link) noexcept;

    // Takes the next record, if all of it has been read.
    [[nodiscard]] bool ready(packet::Frame& frame) noexcept {
        const Bytes rest = file_.rest();
        if (rest.size() < record_header) return false;
        const std::uint32_t size = number(rest.data() + 8);
        if (size > largest_frame || rest.size() - record_header < size) return false;
        frame.bytes = rest.subspan(record_header, size < snapshot_length_ ? size : snapshot_length_);
        frame.time_ns =
            std::uint64_t{number(rest.data())} * 1'000'000'000 + std::uint64_t{number(rest.data() + 4)} * fraction_ns_;
        frame.link = link_;
        file_.take(record_header + size);
        return true;
    }

    // The same, and reads until all of it is there. False at the end.
    [[nodiscard]] bool fetch(packet::Frame& frame);

    // Why the file ended before its end; empty when it didn't.
    [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

  private:
    static constexpr std::size_t record_header = 16;
    static_assert(record_header + largest_frame <= ReadAhead::most_kept);

    [[nodiscard]] static std::uint32_t from_file(const std::uint8_t* at, bool swapped) noexcept {
        std::uint32_t value = 0;
        std::memcpy(&value, at, sizeof(value));
        return swapped ? __builtin_bswap32(value) : value;
    }
    [[nodiscard]] std::uint32_t number(const std::uint8_t* at) const noexcept { return from_file(at, swapped_); }
    [[nodiscard]] std::string why_ended() const;

    ReadAhead& file_;
    std::uint32_t snapshot_length_;
    packet::LinkType link_;
    bool swapped_;
    std::uint32_t fraction_ns_;
    std::string problem_;
};

}  // namespace rebuilder
