// SPDX-License-Identifier: Apache-2.0
// Whether bytes begin with something, where more of them may still come. A `no` and a `yes` are final.
#pragma once

#include <cstdint>
#include <string_view>

namespace rebuilder::http {

enum class Match : std::uint8_t { no, so_far, yes };

inline Match match(std::string_view text, std::string_view what) noexcept {
    if (text.size() >= what.size()) return text.starts_with(what) ? Match::yes : Match::no;
    return what.starts_with(text) ? Match::so_far : Match::no;
}

}  // namespace rebuilder::http
