// SPDX-License-Identifier: Apache-2.0
// CaptureReader: the frames of a pcap or pcapng file, microseconds or nanoseconds, in the link types that
// packet::LinkType names. Pipes, too.
//
// libpcap reads the header, and all of a file that isn't a usual pcap: then frames are copied into the reader. The records of a
// usual one are read here (pcap_records.h), and frames are views into what the kernel gave: libpcap would copy each byte twice
// more. Either way they live until the next read() or peek_time(). A file that ends in the middle of a record gives all frames
// before that, and then says so in problem().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "packet/frame.h"
#include "pcap_records.h"
#include "read_ahead.h"

struct pcap;

namespace rebuilder {

class CaptureReader {
  public:
    static constexpr std::size_t max_burst = 64;

    // Throws Error when the file is missing, is no capture, or holds another link type; the sentence names it.
    explicit CaptureReader(const std::string& path);
    ~CaptureReader();
    CaptureReader(const CaptureReader&) = delete;
    CaptureReader& operator=(const CaptureReader&) = delete;

    // The next frames, at most `limit` of them and none at or after `until_ns`; empty at the end of the file, or when
    // the next frame is not before `until_ns` (then peek_time() says when it is).
    [[nodiscard]] std::span<const packet::Frame> read(std::size_t limit, std::uint64_t until_ns);

    // When the next frame was captured; no_time at the end of the file.
    [[nodiscard]] std::uint64_t peek_time();
    static constexpr std::uint64_t no_time = ~0ull;
    static constexpr std::uint64_t latest_time = no_time / 2;  // no frame is later: the year 2262

    // Whether the next frame comes at once: a pipe brings those that aren't in memory when it likes.
    [[nodiscard]] bool at_hand() noexcept {
        return found_ || !file_.is_pipe() || (records_ && (found_ = records_->ready(next_)));
    }

    // Why the file ended before its end; empty when it didn't.
    [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
    // How far the file has been read, 0 to 1.
    [[nodiscard]] double progress() const noexcept { return file_.progress(); }

  private:
    struct Close {
        void operator()(pcap* handle) const noexcept;
    };

    [[nodiscard]] bool fetch();
    [[nodiscard]] bool ask_libpcap();

    std::string path_;
    ReadAhead file_;
    std::unique_ptr<pcap, Close> handle_;  // reads from file_
    packet::LinkType link_ = packet::LinkType::ethernet;
    std::optional<PcapRecords> records_;  // none: libpcap reads all
    packet::Frame next_{};                // what fetch() found
    bool found_ = false;
    std::vector<std::uint8_t> copies_;  // of libpcap's frames
    std::vector<packet::Frame> frames_;
    std::string problem_;
};

}  // namespace rebuilder
