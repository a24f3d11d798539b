// SPDX-License-Identifier: Apache-2.0
#include "cache_misses.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace rebuilder::bench {

CacheMisses::CacheMisses() {
    perf_event_attr wanted{};
    wanted.size = sizeof wanted;
    wanted.type = PERF_TYPE_HARDWARE;
    wanted.config = PERF_COUNT_HW_CACHE_MISSES;
    wanted.exclude_kernel = 1;
    counter_ = Descriptor(static_cast<int>(::syscall(SYS_perf_event_open, &wanted, 0, -1, -1, PERF_FLAG_FD_CLOEXEC)));
}

std::optional<std::uint64_t> CacheMisses::read() const {
    std::uint64_t count = 0;
    if (!counter_ || ::read(counter_.get(), &count, sizeof count) != sizeof count) return std::nullopt;
    return count;
}

}  // namespace rebuilder::bench
