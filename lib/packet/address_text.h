// SPDX-License-Identifier: Apache-2.0
// Addresses as people write them: IPv4 in dotted decimal, IPv6 after RFC 5952.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "packet/flow_key.h"

namespace rebuilder::packet {

// A short text that lives where it is declared.
class AddressText {
  public:
    explicit AddressText(const IpAddress& address) noexcept;
    // "192.0.2.1:80", "[2001:db8::1]:80"
    explicit AddressText(const Endpoint& endpoint) noexcept;

    [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), size_}; }
    // Of an endpoint's text.
    [[nodiscard]] std::string_view address() const noexcept { return view().substr(address_at_, address_size_); }
    [[nodiscard]] std::string_view port() const noexcept { return view().substr(port_at_); }

  private:
    void append(const IpAddress& address) noexcept;
    void append(std::string_view text) noexcept;

    std::array<char, 64> text_;
    std::size_t size_ = 0;
    std::size_t address_at_ = 0;
    std::size_t address_size_ = 0;
    std::size_t port_at_ = 0;
};

}  // namespace rebuilder::packet
