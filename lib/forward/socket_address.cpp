// SPDX-License-Identifier: Apache-2.0
#include "forward/socket_address.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>

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

std::optional<SocketAddress> SocketAddress::literal(const std::string& host, std::uint16_t port) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
        return from(reinterpret_cast<const sockaddr*>(&v4), sizeof(v4));
    }
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
        return from(reinterpret_cast<const sockaddr*>(&v6), sizeof(v6));
    }
    return std::nullopt;
}

std::optional<SocketAddress> SocketAddress::before_port(std::string_view host, std::uint16_t port) {
    const bool brackets = host.starts_with('[') && host.ends_with(']');
    if (brackets) host = host.substr(1, host.size() - 2);
    const auto address = literal(std::string(host), port);
    return address && (address->family() == AF_INET6) == brackets ? address : std::nullopt;
}

std::optional<SocketAddress> SocketAddress::read(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == text.npos) return std::nullopt;
    const char* end = text.data() + text.size();
    std::uint16_t port = 0;
    const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return before_port(text.substr(0, colon), port);
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
