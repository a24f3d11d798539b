// SPDX-License-Identifier: Apache-2.0
// Target: where a request is for, by its request line (RFC 9112, section 3.2). A view into the request.
#pragma once

#include <string_view>

#include "http/request.h"

namespace rebuilder::forward {

struct Target {
    std::string_view origin_form;  // without the slash that `add_slash` asks for
    bool add_slash = false;
    std::string_view authority;  // of an absolute-form target; else empty
};

// What would end a target early, or stop a parser.
[[nodiscard]] constexpr bool needs_encoding(char c) noexcept {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
}

[[nodiscard]] bool any_needs_encoding(std::string_view text) noexcept;

// Origin-form, asterisk-form, or absolute-form turned into the former. False when it is none of them.
[[nodiscard]] bool parse_target(const http::Request& request, Target& target) noexcept;

}  // namespace rebuilder::forward
