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
    if (address.is_v4()) {  // each request says two of them, and inet_ntop prints them by sprintf
        char* to = text_.data() + size_;
        for (const unsigned shift : {24U, 16U, 8U, 0U}) {
            to = std::to_chars(to, text_.data() + text_.size(), address.low >> shift & 0xff).ptr;
            *to++ = '.';
        }
        size_ = static_cast<std::size_t>(to - 1 - text_.data());
        return;
    }
    std::array<std::uint8_t, 16> bytes;
    for (std::size_t i = 0; i < 8; ++i) {
        bytes[i] = static_cast<std::uint8_t>(address.high >> (56 - 8 * i));
        bytes[8 + i] = static_cast<std::uint8_t>(address.low >> (56 - 8 * i));
    }
    ::inet_ntop(AF_INET6, bytes.data(), text_.data() + size_, static_cast<socklen_t>(text_.size() - size_));
    size_ += std::strlen(text_.data() + size_);
}

void AddressText::append(std::string_view text) noexcept {
    std::memcpy(text_.data() + size_, text.data(), text.size());
    size_ += text.size();
}

}  // namespace rebuilder::packet
