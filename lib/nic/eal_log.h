// SPDX-License-Identifier: Apache-2.0
// EalLog: where DPDK's messages go. Its drivers explain a failure only in their log, so the log is kept at
// hand: the first error becomes the reason in our one sentence. Nothing reaches syslog, and stderr only when
// asked.
//
// DPDK has one log a process, so there is one EalLog at a time. DPDK writes from any thread.
#pragma once

#include <cstdio>
#include <string>

namespace rebuilder::nic {

class EalLog {
  public:
    // From here on DPDK writes to this object; `show` passes every line on to stderr too.
    explicit EalLog(bool show);
    ~EalLog();
    EalLog(const EalLog&) = delete;
    EalLog& operator=(const EalLog&) = delete;

    // From here on lines go to stderr: after start-up a driver's warning is news for the operator.
    static void show() noexcept;
    [[nodiscard]] static bool shown() noexcept;

    // The first error line since forget(), without its decoration; empty if there was none. Later ones only
    // say what then failed too.
    [[nodiscard]] static std::string first_error();
    static void forget();

  private:
    FILE* stream_;
};

}  // namespace rebuilder::nic
