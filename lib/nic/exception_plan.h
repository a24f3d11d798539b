// SPDX-License-Identifier: Apache-2.0
// Of which kind the exception path is, and what the host has to have for it. No DPDK here: `rebuilder check` asks this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "nic/exception_queue.h"
#include "nic/input.h"

namespace rebuilder::nic {

enum class ExceptionKind : std::uint8_t {
    none,
    tap,          // a tap device, read and written by us
    virtio_user,  // DPDK's virtio-user over the kernel's vhost-net, which makes a tap device, too
};

// The kernel's interface that belongs to the input at this place in the command line: rb0, rb1, ...
[[nodiscard]] std::string exception_interface(std::size_t input);

// Whether there can be one: a capture doesn't transmit.
[[nodiscard]] bool takes_exceptions(const Input& input) noexcept;

// "02:00:00:00:00:01"
[[nodiscard]] std::string write_address(const MacAddress& address);

// As DPDK takes them.
[[nodiscard]] std::string virtio_user_arguments(const std::string& interface, const MacAddress& address);

// What keeps this process from having it, as a sentence without a subject; empty when nothing does.
[[nodiscard]] std::string exception_shortage(ExceptionKind kind, const std::string& interface);

}  // namespace rebuilder::nic
