// SPDX-License-Identifier: Apache-2.0
#include "packet/address_text.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

namespace rebuilder::packet {
namespace {

// A number of a dotted address, with its dot.
struct Octet {
    std::array<char, 4> text{};
    std::uint32_t size = 0;
};

constexpr auto octets = [] {
    std::array<Octet, 256> table{};
    for (std::uint32_t number = 0; number < table.size(); ++number) {
        Octet& octet = table[number];
        if (number >= 100) octet.text[octet.size++] = static_cast<char>('0' + number / 100);
        if (number >= 10) octet.text[octet.size++] = static_cast<char>('0' + number / 10 % 10);
        octet.text[octet.size++] = static_cast<char>('0' + number % 10);
        octet.text[octet.size++] = '.';
    }
    return table;
}();

}  // namespace

AddressText::AddressText(const IpAddress& address) noexcept {
    append(address);
}

AddressText::AddressText(const Endpoint& endpoint) noexcept {
    const bool brackets = !endpoint.address.is_v4();
    if (brackets) append("[");
    address_at_ = size_;
    append(endpoint.address);
    address_size_ = size_ - address_at_;
    append(brackets ? "]:" : ":");
    port_at_ = size_;
    const auto result = std::to_chars(text_.data() + size_, text_.data() + text_.size(), endpoint.port);
    size_ = static_cast<std::size_t>(result.ptr - text_.data());
}

void AddressText::append(const IpAddress& address) noexcept {
    if (address.is_v4()) {  // each request says two of them, and inet_ntop prints them by sprintf
        char* to = text_.data() + size_;
        for (const unsigned shift : {24U, 16U, 8U, 0U}) {
            const Octet& octet = octets[address.low >> shift & 0xff];
            std::memcpy(to, octet.text.data(), octet.text.size());
            to += octet.size;
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
