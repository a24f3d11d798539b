// SPDX-License-Identifier: Apache-2.0
// parse_strict_request: one HTTP/1.1 request as the strictest receiver reads it, to judge what we send.
//
// In:    bytes that begin with a request; more may stand behind it.
// Out:   the request and how many bytes it takes; or that it isn't whole yet; or why it is none.
// Rules: the grammar of RFC 9112, and of several things that it leaves to the receiver the narrowest: CRLF ends a line
//        and nothing else does, one space each around the target, origin-form or "*", names are tokens right in front
//        of their colon, no CR, LF or NUL in a value, no folds, one Host, no Transfer-Encoding, at most one
//        Content-Length, in the shortest form. Two receivers can't read what passes in two ways.
// It shares no code with what it judges.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rebuilder::test {

struct StrictRules {
    bool one_host = true;  // else one or more: RFC 9112, section 3.2 wants 400 for two, but their framing is clear
};

struct StrictRequest {
    std::string method;
    std::string target;
    std::vector<std::pair<std::string, std::string>> fields;  // values without the whitespace around them
    std::string body;

    // The values of all fields of a name, which is given in lower case.
    [[nodiscard]] std::vector<std::string> values(std::string_view lower) const;
};

struct StrictResult {
    enum class Verdict : std::uint8_t { whole, more, refused };

    Verdict verdict = Verdict::more;
    std::string fault;      // refused: why
    std::size_t size = 0;   // whole: of the request
    StrictRequest request;  // whole
};

namespace strict {

inline std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

inline bool is_token(std::string_view text) {
    constexpr std::string_view symbols = "!#$%&'*+-.^_`|~";
    for (const char c : text) {
        const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alphanumeric && symbols.find(c) == symbols.npos) return false;
    }
    return !text.empty();
}

// Bytes from 0x80 are nobody's separator, so they may be.
inline bool is_target(std::string_view text) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte <= 0x20 || byte == 0x7f) return false;
    }
    return text == "*" || text.starts_with('/');
}

inline std::string_view trimmed(std::string_view text) {
    const std::size_t from = text.find_first_not_of(" \t");
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

// False when it isn't a number, has a zero in front, or is beyond 64 bits.
inline bool parse_length(std::string_view text, std::uint64_t& length) {
    if (text.empty() || (text.size() > 1 && text.front() == '0')) return false;
    length = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return false;
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (length > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) return false;
        length = length * 10 + digit;
    }
    return true;
}

}  // namespace strict

inline std::vector<std::string> StrictRequest::values(std::string_view lower) const {
    std::vector<std::string> found;
    for (const auto& [name, value] : fields) {
        if (strict::lower(name) == lower) found.push_back(value);
    }
    return found;
}

inline StrictResult parse_strict_request(std::string_view bytes, const StrictRules& rules = {}) {
    using Verdict = StrictResult::Verdict;
    StrictResult result;
    StrictRequest& request = result.request;
    std::string_view rest = bytes;
    const auto refuse = [&result](std::string why) {
        result.verdict = Verdict::refused;
        result.fault = std::move(why);
        return result;
    };
    // The next line without its end. False when there is none, or it isn't ended as it must be: see result.
    const auto take_line = [&](std::string_view& line) {
        const std::size_t end = rest.find('\n');
        if (end == std::string_view::npos) return false;
        line = rest.substr(0, end);
        rest.remove_prefix(end + 1);
        if (!line.ends_with('\r')) {
            (void)refuse("a line ends with LF alone");
            return false;
        }
        line.remove_suffix(1);
        return true;
    };

    std::string_view line;
    if (!take_line(line)) return result;
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) return refuse("the request line has not three parts");
    request.method = line.substr(0, first);
    request.target = line.substr(first + 1, last - first - 1);
    if (!strict::is_token(request.method)) return refuse("the method is no token");
    if (!strict::is_target(request.target)) return refuse("the target is none");
    if (line.substr(last + 1) != "HTTP/1.1") return refuse("the version is not HTTP/1.1");

    for (;;) {
        if (!take_line(line)) return result;
        if (line.empty()) break;
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) return refuse("a field has no colon");
        const std::string_view name = line.substr(0, colon);
        const std::string_view value = strict::trimmed(line.substr(colon + 1));
        if (!strict::is_token(name)) return refuse("a field's name is no token");
        if (value.find('\r') != std::string_view::npos) return refuse("a value has a CR");
        if (value.find('\0') != std::string_view::npos) return refuse("a value has a NUL");
        request.fields.emplace_back(name, value);
    }
    const std::size_t hosts = request.values("host").size();
    if (hosts == 0) return refuse("there is no Host");
    if (hosts > 1 && rules.one_host) return refuse("there are two Host fields");
    if (!request.values("transfer-encoding").empty()) return refuse("there is a Transfer-Encoding");
    const std::vector<std::string> lengths = request.values("content-length");
    if (lengths.size() > 1) return refuse("there are two Content-Length fields");
    std::uint64_t length = 0;
    if (!lengths.empty() && !strict::parse_length(lengths[0], length)) return refuse("Content-Length is no number");
    if (rest.size() < length) return result;

    request.body = rest.substr(0, length);
    result.verdict = Verdict::whole;
    result.size = bytes.size() - rest.size() + length;
    return result;
}

}  // namespace rebuilder::test
