// SPDX-License-Identifier: Apache-2.0
#include "http/request_line.h"

#include "base/ascii.h"
#include "http/detect.h"
#include "http/token.h"

namespace rebuilder::http {
namespace {

// The HTTP-version at the end of a request line (RFC 9112, section 2.3), or nothing.
std::string_view trailing_version(std::string_view line) noexcept {
    constexpr std::string_view name = "HTTP/";
    constexpr std::size_t size = name.size() + 3;
    if (line.size() < size) return {};
    const std::string_view version = line.substr(line.size() - size);
    const bool valid = version.starts_with(name) && is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
    return valid ? version : std::string_view{};
}

}  // namespace

bool parse_request_line(std::string_view line, RequestLine& parsed) noexcept {
    const std::size_t method_size = token_size(line.substr(0, longest_method + 1));
    if (method_size == 0 || method_size > longest_method) return false;
    if (method_size == line.size() || line[method_size] != ' ') return false;
    if (line.find('\r') != line.npos) return false;
    parsed.method = line.substr(0, method_size);

    std::string_view target = line.substr(method_size + 1);
    while (target.ends_with(' ')) target.remove_suffix(1);
    parsed.version = trailing_version(target);
    if (!parsed.version.empty()) {
        target.remove_suffix(parsed.version.size());
        if (!target.ends_with(' ')) return false;
        while (target.ends_with(' ')) target.remove_suffix(1);
    } else if (parsed.method != "GET" || !target.starts_with('/') || target.find(' ') != target.npos) {
        return false;
    }
    while (target.starts_with(' ')) target.remove_prefix(1);
    parsed.target = target;
    const bool http2_preface = parsed.method == "PRI" && target == "*" && parsed.version == "HTTP/2.0";
    return !target.empty() && !http2_preface;
}

}  // namespace rebuilder::http
