// SPDX-License-Identifier: Apache-2.0
// ReadAhead: a file or a pipe from its front to its end, read in large blocks into one buffer.
//
// What isn't taken yet is one run of bytes, rest(), where the kernel put them: a block that stays in the CPU's cache is read
// into over and over, and only a run that crosses the end of one is moved. Not mmap(): a file that is cut meanwhile has an end then,
// and no SIGBUS; and to map pages and to miss the cache in each costs half as much again as these copies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/descriptor.h"
#include "base/mapping.h"

namespace rebuilder {

class ReadAhead {
  public:
    static constexpr std::size_t block = 128 << 10;
    static constexpr std::size_t most_kept = (256 << 10) + 4096;  // of rest(), whenever more() is called
    static constexpr std::size_t most_held = most_kept + block;

    // Throws Error (usage) when the file can't be opened; the sentence names it.
    explicit ReadAhead(const std::string& path);
    ReadAhead(const ReadAhead&) = delete;
    ReadAhead& operator=(const ReadAhead&) = delete;

    [[nodiscard]] Bytes rest() const noexcept { return {begin_, end_}; }
    void take(std::size_t size) noexcept { begin_ += size; }

    // Adds to rest(), and may move it: what was taken is gone then. False at the end, and when reading fails: error().
    [[nodiscard]] bool more() noexcept;
    [[nodiscard]] int error() const noexcept { return error_; }  // errno

    // How many bytes have been taken.
    [[nodiscard]] std::uint64_t position() const noexcept { return bytes_read_ - rest().size(); }
    // Or something else that has no size.
    [[nodiscard]] bool is_pipe() const noexcept { return file_bytes_ == 0; }
    // How far the file has been taken, 0 to 1; 0 of a pipe.
    [[nodiscard]] double progress() const noexcept;

  private:
    Descriptor descriptor_;
    int error_ = 0;
    std::uint64_t file_bytes_ = 0;
    std::uint64_t bytes_read_ = 0;
    Mapping buffer_{most_held};
    // Blocks stand on a page; what was left of the one before stands in front of it.
    std::uint8_t* home_ = buffer_.data() + most_kept;
    std::uint8_t* begin_ = home_;
    std::uint8_t* end_ = home_;
};

}  // namespace rebuilder
