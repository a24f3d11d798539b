// SPDX-License-Identifier: Apache-2.0
// Sleeps of microseconds, for threads that poll.
#pragma once

#include <cstdint>

namespace rebuilder {

// Lets sleeps of the calling thread end when they should, and not up to 50 us later, as is usual.
void want_exact_sleeps() noexcept;

void sleep_for(std::uint64_t ns) noexcept;

}  // namespace rebuilder
