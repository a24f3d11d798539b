// SPDX-License-Identifier: Apache-2.0
// Process: another program, run to its end and measured.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "measure.h"

namespace rebuilder::bench {

struct Finished {
    std::string output;  // both of its outputs
    CpuTime cpu;         // of the whole process, start and end included, and of those that it waited for
    std::uint64_t wall_ns = 0;
};

// Nothing when there is no such program. It is killed after a minute. Throws Error (runtime) when `program` fails.
[[nodiscard]] std::optional<Finished> run_process(
    const std::string& program, const std::vector<std::string>& command, unsigned cpu);

// The number beside `text`, where a program says `text`.
[[nodiscard]] std::optional<std::uint64_t> number_before(std::string_view output, std::string_view text);
[[nodiscard]] std::optional<std::uint64_t> number_after(std::string_view output, std::string_view text);

// Gone with its owner.
class TemporaryFile {
  public:
    explicit TemporaryFile(std::string_view text = {});  // throws Error (runtime)
    ~TemporaryFile();

    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

}  // namespace rebuilder::bench
