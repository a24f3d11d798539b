// SPDX-License-Identifier: Apache-2.0
// Notify: tells the service manager how the appliance is, as sd_notify(3) describes it: a datagram of lines to the socket that
// NOTIFY_SOCKET names. Without it, nothing is done.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rebuilder {

class Notify {
  public:
    Notify();  // from the environment
    explicit Notify(std::string socket_path) : path_(std::move(socket_path)) {}

    void ready() const { send("READY=1"); }
    void reloading() const;  // then ready() says when it is done
    // It ends within `within_ns`, which may be longer than the service manager would wait.
    void stopping(std::uint64_t within_ns) const;
    void status(std::string_view sentence) const;
    // All is well. Who isn't heard for WatchdogSec= is restarted.
    void alive() const { send("WATCHDOG=1"); }

    void send(const std::string& lines) const;

  private:
    std::string path_;
};

}  // namespace rebuilder
