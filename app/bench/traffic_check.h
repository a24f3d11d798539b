// SPDX-License-Identifier: Apache-2.0
// TrafficCheck: whether slots are the requests that were made, each once.
#pragma once

#include <string>
#include <vector>

#include "forward/handoff.h"
#include "forward/wire_head.h"
#include "traffic.h"

namespace rebuilder::bench {

class TrafficCheck {
  public:
    // The traffic outlives it.
    explicit TrafficCheck(const Traffic& traffic) : traffic_(&traffic), seen_(traffic.requests.size()) {}

    // What is wrong with the slot, or nothing.
    [[nodiscard]] std::string operator()(const forward::Slot& slot);

  private:
    const Traffic* traffic_;
    std::vector<bool> seen_;
    forward::WireHead head_;
};

}  // namespace rebuilder::bench
