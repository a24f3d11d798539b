// SPDX-License-Identifier: Apache-2.0
#include "forward/null_output.h"

#include <poll.h>

namespace rebuilder::forward {

void NullOutput::submit(const Slot& slot, std::uint32_t channel, std::uint64_t) noexcept {
    done_(slot, channel, Counter::written);
}

void NullOutput::poll(std::uint64_t, int timeout_ms) noexcept {
    // Nothing can happen here, so the wait is a sleep.
    if (timeout_ms > 0) (void)::poll(nullptr, 0, timeout_ms);
}

}  // namespace rebuilder::forward
