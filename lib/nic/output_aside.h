// SPDX-License-Identifier: Apache-2.0
// OutputAside: stdout and stderr set aside while a library starts that writes past its log.
//
// rte_eal_init() puts alarms on stderr and, on bad arguments, a long help text on stdout; libxdp comments on
// its search for an XDP program. stdout may be our data, and stderr gets one sentence. What was written can
// be read for it. Affects the whole process, so only for start-up, when no other thread writes.
#pragma once

#include <string>

namespace rebuilder::nic {

class OutputAside {
  public:
    explicit OutputAside(bool aside) noexcept;  // false: does nothing
    ~OutputAside();
    OutputAside(const OutputAside&) = delete;
    OutputAside& operator=(const OutputAside&) = delete;

    [[nodiscard]] std::string text() const;  // the first few kilobytes

  private:
    int file_;
    int stdout_ = -1;
    int stderr_ = -1;
};

}  // namespace rebuilder::nic
