// SPDX-License-Identifier: Apache-2.0
// Memory that is there before it is needed. Pools are mapped for their limits and would get each page only when it is first
// used, often in the worst moment: a burst of holes touches the buffers behind holes, the kernel clears pages meanwhile, and the
// port overflows. So the appliance has all of it touched and kept in RAM (mlockall) at start.
#pragma once

#include <cstdint>
#include <string>

namespace rebuilder {

// Bytes that this process can still take: of the host, or less where its control group has less.
[[nodiscard]] std::uint64_t available_memory();

// All that is mapped by now, of which `untouched_bytes` weren't used yet. A sentence that says why not, when the host has too
// little of it or refuses; empty when it was done. Nothing is locked then.
[[nodiscard]] std::string lock_memory(std::uint64_t untouched_bytes);

}  // namespace rebuilder
