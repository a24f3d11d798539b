// SPDX-License-Identifier: Apache-2.0
// FileOutput: one line for each request, to a file, a pipe or standard output.
//
// In:    slots that hold whole lines (forward/record.h), a batch at a time: ready() is false while it is
//        full.
// Out:   Counter::written when all bytes of a line are with the kernel; Counter::failed_write for the
//        whole batch when the kernel refuses (disk full, reader gone). Event: sent_bytes. A line that was
//        cut by a refusal is ended before the next one is written, so that one line is spoiled and not
//        two.
// Never: blocks in a write, except where a terminal is stopped by hand.
//
// A regular file is created (0644) or emptied, and each line goes to its end, wherever that is by then: it may be emptied while
// it is written. A FIFO waits for its reader at construction, as it does in a shell, or, unless the spec says that it waits, is
// refused without one. For a pipe, SIGPIPE is ignored in the whole process: the kernel has no other way to be told.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "forward/output.h"
#include "forward/pending.h"
#include "forward/write_cursor.h"

namespace rebuilder::forward {

class FileOutput final : public Output {
  public:
    // Throws Error (runtime) with the path and the reason when the file can't be opened.
    FileOutput(const OutputSpec& spec, Counters& counters, Done done);
    ~FileOutput() override;

    FileOutput(const FileOutput&) = delete;
    FileOutput& operator=(const FileOutput&) = delete;

    [[nodiscard]] bool ready() const noexcept override { return batch_.size() < batch_lines; }
    void submit(const Slot& slot, std::uint32_t channel, std::uint64_t now_ns) noexcept override;
    void poll(std::uint64_t now_ns, std::uint64_t timeout_ns) noexcept override;
    [[nodiscard]] std::size_t pending() const noexcept override { return batch_.size(); }
    void abandon() noexcept override;
    [[nodiscard]] std::string trouble() const override;
    [[nodiscard]] std::string trouble_now() const override;

  private:
    static constexpr std::size_t batch_lines = 256;

    enum class Wrote : std::uint8_t { some, none_now, failed };

    [[nodiscard]] Wrote write_some() noexcept;
    [[nodiscard]] Wrote write_newline() noexcept;
    [[nodiscard]] Wrote refused(int error) noexcept;
    [[nodiscard]] bool writable(std::uint64_t timeout_ns) const noexcept;
    void finish_written() noexcept;
    void fail_batch(Counter outcome) noexcept;

    OutputSpec spec_;
    Counters& counters_;
    Done done_;
    PendingRing batch_{batch_lines};
    WriteCursor cursor_;
    int fd_ = -1;
    bool standard_output_ = false;
    bool may_block_ = false;         // a pipe, a terminal, a socket: asked first, and given little at a time
    bool torn_ = false;              // a line was cut by a refusal
    int error_ = 0;                  // the last refusal
    std::atomic<int> error_now_{0};  // forwarder: w, any: r. The same, until something is written again
};

}  // namespace rebuilder::forward
