// SPDX-License-Identifier: Apache-2.0
// SocketAddress: an IPv4 or IPv6 address with its port, in the form that the socket calls take.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "packet/flow_key.h"

namespace rebuilder::forward {

struct SocketAddress {
    // Of the kinds that an Internet socket has; else nothing.
    [[nodiscard]] static std::optional<SocketAddress> from(const sockaddr* address, socklen_t size) noexcept;
    // Of a host that was written as an address: "192.0.2.1" or "2001:db8::1"; else nothing, as below.
    [[nodiscard]] static std::optional<SocketAddress> literal(const std::string& host, std::uint16_t port);
    // Where a port follows: "192.0.2.1" or "[2001:db8::1]".
    [[nodiscard]] static std::optional<SocketAddress> before_port(std::string_view host, std::uint16_t port);
    // What text() writes.
    [[nodiscard]] static std::optional<SocketAddress> read(std::string_view text);

    [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
    [[nodiscard]] int family() const noexcept { return storage.sin6_family; }
    // As the mirrored packets' are known.
    [[nodiscard]] packet::Endpoint endpoint() const noexcept;
    // "192.0.2.1:80" or "[2001:db8::1]:80".
    [[nodiscard]] std::string text() const;

    friend bool operator==(const SocketAddress& a, const SocketAddress& b) noexcept {
        return a.size == b.size && std::memcmp(&a.storage, &b.storage, a.size) == 0;
    }
    friend bool operator<(const SocketAddress& a, const SocketAddress& b) noexcept {
        return a.size != b.size ? a.size < b.size : std::memcmp(&a.storage, &b.storage, a.size) < 0;
    }

    sockaddr_in6 storage{};  // a sockaddr_in is smaller, and has its family in the same place
    socklen_t size = 0;
};

}  // namespace rebuilder::forward
