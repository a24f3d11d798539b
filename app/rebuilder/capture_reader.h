// SPDX-License-Identifier: Apache-2.0
// CaptureReader: the frames of a pcap or pcapng file, microseconds or nanoseconds, in the link types that
// packet::LinkType names. By libpcap.
//
// Frames are copied into the reader and live until the next read(). A file that ends in the middle of a record gives
// all frames before that, and then says so in problem().
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "packet/frame.h"

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

    // Why the file ended before its end; empty when it didn't.
    [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
    // How far the file has been read, 0 to 1.
    [[nodiscard]] double progress() const;

  private:
    struct Close {
        void operator()(pcap* handle) const noexcept;
    };

    bool fetch();

    std::string path_;
    std::vector<char> read_ahead_;  // the file's buffer: it outlives the handle
    std::unique_ptr<pcap, Close> handle_;
    packet::LinkType link_ = packet::LinkType::ethernet;
    std::uint64_t file_bytes_ = 0;
    const std::uint8_t* next_ = nullptr;  // the frame that fetch() found, libpcap's
    std::size_t next_size_ = 0;
    std::uint64_t next_time_ = no_time;
    std::vector<std::uint8_t> bytes_;
    std::vector<packet::Frame> frames_;
    std::string problem_;
};

}  // namespace rebuilder
