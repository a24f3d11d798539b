// SPDX-License-Identifier: Apache-2.0
// The characters of methods and field names: tchar of RFC 9110, section 5.6.2.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace rebuilder::http {

inline constexpr auto token_chars = [] {
    std::array<bool, 256> table{};
    for (const char c :
        std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
        table[static_cast<std::uint8_t>(c)] = true;
    }
    return table;
}();

[[nodiscard]] constexpr bool is_token_char(char c) noexcept {
    return token_chars[static_cast<std::uint8_t>(c)];
}

// How many bytes at the front of `text` are token characters.
[[nodiscard]] constexpr std::size_t token_size(std::string_view text) noexcept {
    std::size_t size = 0;
    while (size < text.size() && is_token_char(text[size])) ++size;
    return size;
}

}  // namespace rebuilder::http
