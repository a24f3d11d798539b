// SPDX-License-Identifier: Apache-2.0
// parse_request_line: the first line of a request of HTTP/1 (RFC 9112, section 3).
//
// In:    the line, without its end. Nothing is copied.
// Out:   its parts, or that it is none. Without a version it is a simple request of HTTP/0.9 (RFC 1945, section 4.1), which
//        only GET makes.
// Rules: several spaces may stand between the parts, and behind them; what stands in the middle is the target, whatever
//        its bytes. A CR is refused: to some servers it ends the line.
#pragma once

#include <string_view>

namespace rebuilder::http {

struct RequestLine {
    std::string_view method;
    std::string_view target;
    std::string_view version;
};
[[nodiscard]] bool parse_request_line(std::string_view line, RequestLine& parsed) noexcept;

// A line that ends with LF or CRLF, without it.
[[nodiscard]] constexpr std::string_view without_line_end(std::string_view line) noexcept {
    line.remove_suffix(1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

}  // namespace rebuilder::http
