// SPDX-License-Identifier: Apache-2.0
// What DPDK is told of a configuration: its inputs as devices, and what they and their workers need. The run makes it so, and
// `check` asks whether the host has it.
#pragma once

#include <vector>

#include "config.h"
#include "nic/eal_plan.h"
#include "nic/input.h"
#include "nic/port.h"

namespace rebuilder {

// Whether they are there is not looked at.
[[nodiscard]] std::vector<nic::Device> devices_of(const Config& config);

// As many as are wanted, or else one for each queue.
[[nodiscard]] unsigned workers_of(const Config& config, const std::vector<nic::Device>& devices);

[[nodiscard]] nic::PortOptions port_options(const Config& config);
[[nodiscard]] nic::EalOptions eal_options(
    const Config& config, const std::vector<nic::Device>& devices, unsigned workers);

}  // namespace rebuilder
