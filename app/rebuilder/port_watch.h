// SPDX-License-Identifier: Apache-2.0
// PortWatch: the control thread's eye on the ports: links that come and go, devices that want a reset or are gone.
//
// A reset takes the port's queues from the workers for a moment; their flows stay, what the mirror sent meanwhile is lost as
// in a short outage of the network. Where a device can't be brought back, the run has to end: whoever started it starts anew.
// Owns: its counters. Control thread only, except for counters().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/counters.h"
#include "log.h"
#include "nic/port.h"

namespace rebuilder {

// For the log.
struct PortNews {
    LogLevel level;
    std::string_view event;
    std::string sentence;
    std::string port;
};

class PortWatch {
  public:
    // `ports` outlive it.
    explicit PortWatch(std::vector<nic::Port>& ports);

    // Many times a second; `links_too` about once a second.
    void look(bool links_too);

    // What happened since the last call.
    [[nodiscard]] std::vector<PortNews> take_news();
    // Why the run can't go on; empty when it can.
    [[nodiscard]] const std::string& end() const noexcept { return end_; }

    [[nodiscard]] const Counters& counters() const noexcept { return counters_; }

  private:
    void look_at_link(std::size_t i, bool anyway);
    void tell_link(std::size_t i);
    void reset(nic::Port& port);

    std::vector<nic::Port>& ports_;
    std::vector<bool> links_;
    std::vector<PortNews> news_;
    std::string end_;
    Counters counters_;  // control: w
};

}  // namespace rebuilder
