// SPDX-License-Identifier: Apache-2.0
// Text that is compared without regard to case, as field names and schemes are (RFC 9110, section 5.1): ASCII letters
// only, whatever the locale.
#pragma once

#include <algorithm>
#include <string_view>

namespace rebuilder {

constexpr char ascii_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
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

}  // namespace rebuilder
