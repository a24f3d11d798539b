// SPDX-License-Identifier: Apache-2.0
#include "nic/kernel_interface.h"

#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <charconv>
#include <cstring>
#include <filesystem>

namespace rebuilder::nic {

namespace {

// One SIOC* request about an interface. Answers false when the interface or the request is unknown.
bool ask(const std::string& interface, unsigned long request, ifreq& answer) noexcept {
    if (interface.size() >= sizeof answer.ifr_name) return false;
    std::memcpy(answer.ifr_name, interface.c_str(), interface.size() + 1);
    const Descriptor any_socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return any_socket && ::ioctl(any_socket.get(), request, &answer) == 0;
}

bool is_packet_socket_on(int descriptor, int interface_index) noexcept {
    sockaddr_ll address{};
    socklen_t size = sizeof address;
    return ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
           address.sll_family == AF_PACKET && address.sll_ifindex == interface_index;
}

}  // namespace

unsigned kernel_interface_index(const std::string& interface) noexcept {
    return ::if_nametoindex(interface.c_str());
}

bool kernel_interface_exists(const std::string& interface) noexcept {
    return kernel_interface_index(interface) != 0;
}

bool kernel_interface_up(const std::string& interface) noexcept {
    ifreq request{};
    return ask(interface, SIOCGIFFLAGS, request) && (request.ifr_flags & IFF_UP) != 0;
}

bool kernel_interface_running(const std::string& interface) noexcept {
    if (!kernel_interface_up(interface)) return false;
    ethtool_value link{.cmd = ETHTOOL_GLINK, .data = 0};
    ifreq request{};
    request.ifr_data = reinterpret_cast<char*>(&link);
    const bool knows_links = ask(interface, SIOCETHTOOL, request);
    return !knows_links || link.data != 0;
}

unsigned kernel_interface_mtu(const std::string& interface) noexcept {
    ifreq request{};
    return ask(interface, SIOCGIFMTU, request) ? static_cast<unsigned>(request.ifr_mtu) : 0;
}

Channels kernel_interface_channels(const std::string& interface) noexcept {
    ethtool_channels counts{};
    counts.cmd = ETHTOOL_GCHANNELS;
    ifreq request{};
    request.ifr_data = reinterpret_cast<char*>(&counts);
    if (!ask(interface, SIOCETHTOOL, request)) return {};
    return {static_cast<std::uint16_t>(counts.combined_count), static_cast<std::uint16_t>(counts.rx_count)};
}

PromiscuousMembership::PromiscuousMembership(const std::string& interface) noexcept
    : socket_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)) {  // protocol 0: receives nothing
    if (!socket_) return;
    packet_mreq membership{};
    membership.mr_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
    membership.mr_type = PACKET_MR_PROMISC;
    if (::setsockopt(socket_.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof membership) != 0) {
        socket_.reset();
    }
}

PacketSocketDrops::PacketSocketDrops(const std::string& interface) {
    const auto index = static_cast<int>(::if_nametoindex(interface.c_str()));
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
        const std::string name = entry.path().filename();
        int descriptor = -1;
        std::from_chars(name.data(), name.data() + name.size(), descriptor);
        if (index != 0 && is_packet_socket_on(descriptor, index)) sockets_.push_back(descriptor);
    }
}

std::uint64_t PacketSocketDrops::count() noexcept {
    for (const int descriptor : sockets_) {
        tpacket_stats answer{};
        socklen_t size = sizeof answer;
        if (::getsockopt(descriptor, SOL_PACKET, PACKET_STATISTICS, &answer, &size) == 0) dropped_ += answer.tp_drops;
    }
    return dropped_;
}

}  // namespace rebuilder::nic
