// SPDX-License-Identifier: Apache-2.0
#include "forward/null_output.h"

#include "base/sleep.h"

namespace rebuilder::forward {

void NullOutput::submit(const Slot& slot, std::uint32_t channel, std::uint64_t) noexcept {
    done_(slot, channel, Counter::written);
}

void NullOutput::poll(std::uint64_t, std::uint64_t timeout_ns) noexcept {
    sleep_for(timeout_ns);  // nothing can happen here
}

}  // namespace rebuilder::forward
