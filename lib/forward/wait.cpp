// SPDX-License-Identifier: Apache-2.0
#include "forward/wait.h"

#include <time.h>

#include <atomic>
#include <cerrno>

namespace rebuilder::forward {
namespace {

constexpr std::uint64_t second = 1'000'000'000;
constexpr std::uint64_t millisecond = 1'000'000;

timespec time_of(std::uint64_t ns) noexcept {
    return {.tv_sec = static_cast<time_t>(ns / second), .tv_nsec = static_cast<long>(ns % second)};
}

}  // namespace

std::size_t wait_for_events(int epoll, std::span<epoll_event> events, std::uint64_t timeout_ns) noexcept {
    static std::atomic<bool> counts_ns{true};
    const int most = static_cast<int>(events.size());
    int count = -1;
    if (counts_ns.load(std::memory_order_relaxed)) {
        const timespec timeout = time_of(timeout_ns);
        count = ::epoll_pwait2(epoll, events.data(), most, &timeout, nullptr);
        if (count < 0 && (errno == ENOSYS || errno == EPERM)) counts_ns.store(false, std::memory_order_relaxed);
    }
    if (!counts_ns.load(std::memory_order_relaxed)) {
        const std::uint64_t timeout_ms = (timeout_ns + millisecond - 1) / millisecond;
        count = ::epoll_wait(epoll, events.data(), most, static_cast<int>(timeout_ms));
    }
    return count < 0 ? 0 : static_cast<std::size_t>(count);
}

bool wait_for(pollfd descriptor, std::uint64_t timeout_ns) noexcept {
    const timespec timeout = time_of(timeout_ns);
    return ::ppoll(&descriptor, 1, &timeout, nullptr) > 0;
}

}  // namespace rebuilder::forward
