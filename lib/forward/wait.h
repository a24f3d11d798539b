// SPDX-License-Identifier: Apache-2.0
// The waits of a forwarder's thread, which are shorter than the milliseconds that epoll_wait() and poll() count in.
#pragma once

#include <poll.h>
#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace rebuilder::forward {

// Events of an epoll; none when the time is up or a signal came. Where the kernel, before Linux 5.11, or a container's
// rules know no epoll_pwait2(), a wait is at least a millisecond.
[[nodiscard]] std::size_t wait_for_events(int epoll, std::span<epoll_event> events, std::uint64_t timeout_ns) noexcept;

// Whether the descriptor is ready, or has failed, before the time is up.
[[nodiscard]] bool wait_for(pollfd descriptor, std::uint64_t timeout_ns) noexcept;

}  // namespace rebuilder::forward
