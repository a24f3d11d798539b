// SPDX-License-Identifier: Apache-2.0
#include "http/detect.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "http/match.h"
#include "http/token.h"

namespace rebuilder::http {
namespace {

using namespace std::string_view_literals;

// The IANA registry of methods, and what caches and proxies add to it.
constexpr auto methods = std::to_array<std::string_view>({
    "ACL",
    "BAN",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LOCK",
    "M-SEARCH",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "NOTIFY",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "SOURCE",
    "SUBSCRIBE",
    "TRACE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UNSUBSCRIBE",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
});

}  // namespace

Protocol detect(Bytes first) noexcept {
    if (first.empty()) return Protocol::undecided;
    // TLSPlaintext (RFC 8446, section 5.1): handshake, version 3.x.
    if (first[0] == 0x16) {
        if (first.size() < 3) return Protocol::undecided;
        return first[1] == 3 && first[2] <= 4 ? Protocol::tls : Protocol::unknown;
    }
    const std::string_view text = as_text(first);
    struct Known {
        std::string_view prefix;
        Protocol protocol;
    };
    constexpr auto known = std::to_array<Known>({
        {"HTTP/", Protocol::http1_response},
        {"PRI * HTTP/2.0\r\n", Protocol::http2},
        {"SSH-", Protocol::ssh},
    });
    bool undecided = false;
    for (const Known& candidate : known) {
        const Match matched = match(text, candidate.prefix);
        if (matched == Match::yes) return candidate.protocol;
        undecided = undecided || matched == Match::so_far;
    }
    if (undecided) return Protocol::undecided;
    const std::size_t token = token_size(text);
    if (token > longest_method) return Protocol::unknown;
    if (token == first.size()) return Protocol::undecided;
    return token != 0 && first[token] == ' ' ? Protocol::http1 : Protocol::unknown;
}

bool begins_like_request(Bytes segment) noexcept {
    const std::string_view text = as_text(segment.first(std::min(segment.size(), longest_method)));
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos || space + 1 == text.size()) return false;
    const std::string_view method = text.substr(0, space);
    if (!std::binary_search(methods.begin(), methods.end(), method)) return false;
    if (method == "CONNECT") return true;  // its target is a host and a port
    const std::string_view target = text.substr(space + 1);
    return target[0] == '/' || target[0] == '*' || match(target, "http") != Match::no;
}

}  // namespace rebuilder::http
