// SPDX-License-Identifier: Apache-2.0
#include "nic/exception_plan.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "nic/kernel_interface.h"

namespace rebuilder::nic {

namespace {

bool may_administer_network() noexcept {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
    if (::syscall(SYS_capget, &header, data.data()) != 0) return false;
    return (data[CAP_TO_INDEX(CAP_NET_ADMIN)].effective & CAP_TO_MASK(CAP_NET_ADMIN)) != 0;
}

}  // namespace

std::string exception_interface(std::size_t input) {
    return fmt::format("rb{}", input);
}

bool takes_exceptions(const Input& input) noexcept {
    return input.kind != InputKind::pcap;
}

std::string write_address(const MacAddress& address) {
    return fmt::format("{:02x}", fmt::join(address, ":"));
}

std::string virtio_user_arguments(const std::string& interface, const MacAddress& address) {
    return fmt::format(
        "path=/dev/vhost-net,queues=1,queue_size=256,iface={},mac={}", interface, write_address(address));
}

std::string exception_shortage(ExceptionKind kind, const std::string& interface) {
    if (kind == ExceptionKind::none) return {};
    const char* const device = kind == ExceptionKind::tap ? "/dev/net/tun" : "/dev/vhost-net";
    if (::access(device, R_OK | W_OK) != 0) {
        const char* const module = kind == ExceptionKind::tap ? "tun" : "vhost_net";
        return fmt::format(
            "{}: {}; `modprobe {}`, and let this user read and write it", device, std::strerror(errno), module);
    }
    // Who owns a tap device that is there already may open it without.
    if (!may_administer_network() && (kind != ExceptionKind::tap || !kernel_interface_exists(interface))) {
        return fmt::format("making {} needs CAP_NET_ADMIN", interface);
    }
    return {};
}

}  // namespace rebuilder::nic
