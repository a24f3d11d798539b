// SPDX-License-Identifier: Apache-2.0
// Text that is compared without regard to case, as field names and schemes are (RFC 9110, section 5.1): ASCII letters
// only, whatever the locale.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace rebuilder {

constexpr char ascii_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

constexpr bool is_digit(int c) noexcept {
    return c >= '0' && c <= '9';
}

// The whitespace of a line (RFC 9110, section 5.6.3).
constexpr bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t';
}

inline bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
    const auto same = [](char x, char y) { return ascii_lower(x) == ascii_lower(y); };
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), same);
}

// `lower` is in lower case.
inline bool begins_with_ignoring_case(std::string_view text, std::string_view lower) noexcept {
    const auto same = [](char known, char c) { return known == ascii_lower(c); };
    return text.size() >= lower.size() && std::equal(lower.begin(), lower.end(), text.begin(), same);
}

// The same where the known one is a constant, of lower case letters and hyphens, and both are as long.
template <std::size_t room>
[[nodiscard]] inline bool same_ignoring_case(const char* text, const char (&lower)[room]) noexcept {
    constexpr std::size_t size = room - 1, word = size >= 8 ? 8 : size >= 4 ? 4 : 2;
    static_assert(size >= 2);
    constexpr std::uint64_t letters = 0x4040404040404040;  // a bit that letters have, and hyphens haven't
    const auto differ = [&](std::size_t at) {
        std::uint64_t a = 0, b = 0;
        std::memcpy(&a, text + at, word);
        std::memcpy(&b, lower + at, word);
        return (a | (b & letters) >> 1) != b;
    };
    for (std::size_t at = 0; at + word < size; at += word) {
        if (differ(at)) return false;
    }
    return !differ(size - word);
}

}  // namespace rebuilder
