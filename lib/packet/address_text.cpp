// SPDX-License-Identifier: Apache-2.0
#include "packet/address_text.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

namespace rebuilder::packet {

AddressText::AddressText(const IpAddress& address) noexcept {
    append(address);
}

AddressText::AddressText(const Endpoint& endpoint) noexcept {
    const bool brackets = !endpoint.address.is_v4();
    if (brackets) append("[");
    append(endpoint.address);
    append(brackets ? "]:" : ":");
    const auto result = std::to_chars(text_.data() + size_, text_.data() + text_.size(), endpoint.port);
    size_ = static_cast<std::size_t>(result.ptr - text_.data());
}

void AddressText::append(const IpAddress& address) noexcept {
    std::array<std::uint8_t, 16> bytes;
    const std::size_t size = address.is_v4() ? 4 : 16;
    for (std::size_t i = 0; i < 8; ++i) {
        bytes[i] = static_cast<std::uint8_t>(address.high >> (56 - 8 * i));
        bytes[8 + i] = static_cast<std::uint8_t>(address.low >> (56 - 8 * i));
    }
    ::inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes.data() + (16 - size), text_.data() + size_,
        static_cast<socklen_t>(text_.size() - size_));
    size_ += std::strlen(text_.data() + size_);
}

void AddressText::append(std::string_view text) noexcept {
    std::memcpy(text_.data() + size_, text.data(), text.size());
    size_ += text.size();
}

}  // namespace rebuilder::packet
