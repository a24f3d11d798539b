// SPDX-License-Identifier: Apache-2.0
#include "forward/target.h"

#include <algorithm>

#include "base/ascii.h"

namespace rebuilder::forward {

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
    return !target.authority.empty() && std::none_of(target.authority.begin(), target.authority.end(), needs_encoding);
}

}  // namespace rebuilder::forward
