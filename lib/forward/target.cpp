// SPDX-License-Identifier: Apache-2.0
#include "forward/target.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/ascii.h"

namespace rebuilder::forward {

// Eight bytes at a time, by what a subtraction borrows (Lamport, "Multiple Byte Processing with Full-Word Instructions", 1975).
bool any_needs_encoding(std::string_view text) noexcept {
    constexpr std::size_t word = sizeof(std::uint64_t);
    constexpr std::uint64_t ones = 0x0101010101010101, highs = ones << 7;
    const auto any = [](std::uint64_t bytes) {
        const std::uint64_t dels = bytes ^ ones * 0x7f;
        const std::uint64_t low = (bytes - ones * 0x21) & ~bytes, del = (dels - ones) & ~dels;
        return ((low | del) & highs) != 0;
    };
    const auto load = [](const char* from) {
        std::uint64_t bytes;
        std::memcpy(&bytes, from, word);
        return bytes;
    };
    if (text.size() < word) return std::any_of(text.begin(), text.end(), needs_encoding);
    for (std::size_t at = 0; at + word < text.size(); at += word) {
        if (any(load(text.data() + at))) return true;
    }
    return any(load(text.data() + text.size() - word));
}

bool parse_target(const http::Request& request, Target& target) noexcept {
    const std::string_view text = request.target;
    if (text.starts_with('/') || text == "*") {
        target.origin_form = text;
        return true;
    }
    const std::size_t scheme = text.find("://");
    if (scheme == std::string_view::npos ||
        !(begins_with_ignoring_case(text, "http://") || begins_with_ignoring_case(text, "https://"))) {
        return false;
    }
    const std::string_view rest = text.substr(scheme + 3);
    const std::size_t authority_end = std::min(rest.find_first_of("/?#"), rest.size());
    target.authority = rest.substr(0, authority_end);
    target.authority.remove_prefix(target.authority.rfind('@') + 1);  // npos + 1 is 0
    target.origin_form = rest.substr(authority_end);
    target.add_slash = !target.origin_form.starts_with('/');
    if (target.origin_form.empty() && request.method == "OPTIONS") {  // it asks about the server as a whole
        target.origin_form = "*";
        target.add_slash = false;
    }
    return !target.authority.empty() && !any_needs_encoding(target.authority);
}

}  // namespace rebuilder::forward
