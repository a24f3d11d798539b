// SPDX-License-Identifier: Apache-2.0
#include "forward/socket_address.h"

#include <arpa/inet.h>

#include <array>

namespace rebuilder::forward {

std::optional<SocketAddress> SocketAddress::from(const sockaddr* address, socklen_t size) noexcept {
    const bool known = (address->sa_family == AF_INET && size == sizeof(sockaddr_in)) ||
                       (address->sa_family == AF_INET6 && size == sizeof(sockaddr_in6));
    if (!known) return std::nullopt;
    SocketAddress made;
    std::memcpy(&made.storage, address, size);
    made.size = size;
    return made;
}

packet::Endpoint SocketAddress::endpoint() const noexcept {
    const std::uint16_t port = ntohs(storage.sin6_port);  // which is where a sockaddr_in has it
    if (family() == AF_INET6) return {packet::IpAddress::v6(storage.sin6_addr.s6_addr), port};
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof(v4));
    return {packet::IpAddress::v4(ntohl(v4.sin_addr.s_addr)), port};
}

std::string SocketAddress::text() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const bool is_v6 = family() == AF_INET6;
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof(v4));
    const void* bytes = is_v6 ? static_cast<const void*>(&storage.sin6_addr) : &v4.sin_addr;
    ::inet_ntop(family(), bytes, text.data(), text.size());
    std::string all = is_v6 ? "[" : "";
    all.append(text.data()).append(is_v6 ? "]:" : ":").append(std::to_string(ntohs(storage.sin6_port)));
    return all;
}

}  // namespace rebuilder::forward
