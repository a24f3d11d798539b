// SPDX-License-Identifier: Apache-2.0
// expected_wire: what a server must be sent for a recorded request, by the rules in forward/wire.h, written a second time.
//
// In:    a record (record_line.h): the request as the client sent it, or what expected_record() leaves of it; and the
//        rules of forward/rewriting.h.
// Out:   Counter::handed_off and the request as parse_strict_request() reads it, without its Content-Length; or the
//        counter that says why it is not to be sent.
// It shares no code with what it judges.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/counters.h"
#include "support/record_line.h"
#include "support/strict_request.h"

namespace rebuilder::test {

// As the options say it.
struct RewriteRules {
    std::string client_ip = "append";
    std::string client_ip_header = "X-Forwarded-For";
    FieldList set{};
    std::vector<std::string> removed{};
    std::vector<std::string> redacted{};
};

struct ExpectedWire {
    Counter verdict = Counter::handed_off;
    StrictRequest request{};
    bool has_length = false;       // it must have a Content-Length; else it must have none, unless
    bool may_have_length = false;  // the record doesn't tell whether there was an empty body
};

namespace detail {

struct ExpectedTarget {
    bool forwardable = true;
    std::string text{};
    std::string authority{};  // of an absolute-form target: it becomes the Host
};

inline bool needs_encoding(char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
}

inline std::string encoded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (needs_encoding(c)) {
            out += {'%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]};
        } else {
            out += c;
        }
    }
    return out;
}

// The mapping of targets, all of it: absolute-form without scheme and authority, spaces and control characters
// percent-encoded, and the rest as sent.
inline ExpectedTarget expected_target(const RecordLine& record) {
    const std::string& sent = record.target;
    if (sent.starts_with('/') || sent == "*") return {.text = encoded(sent)};
    const std::string scheme = strict::lower(sent.substr(0, sent.find(':')));
    const std::size_t authority_at = scheme.size() + 3;
    if ((scheme != "http" && scheme != "https") || sent.substr(scheme.size(), 3) != "://") {
        return {.forwardable = false};
    }
    const std::size_t path_at = std::min(sent.find_first_of("/?#", authority_at), sent.size());
    std::string authority = sent.substr(authority_at, path_at - authority_at);
    authority.erase(0, authority.rfind('@') + 1);
    if (authority.empty() || std::any_of(authority.begin(), authority.end(), needs_encoding)) {
        return {.forwardable = false};
    }
    std::string path = sent.substr(path_at);
    if (path.empty() && record.method == "OPTIONS") return {.text = "*", .authority = authority};
    return {.text = encoded(path.starts_with('/') ? path : '/' + path), .authority = authority};
}

// The names that Connection fields list: only the first 16 that can be for one hop count.
inline std::vector<std::string> connection_options(const FieldList& headers) {
    static constexpr std::string_view end_to_end[]{"accept", "authorization", "cache-control", "content-", "cookie",
        "date", "forwarded", "from", "if-", "origin", "pragma", "range", "referer", "user-agent", "via", "x-forwarded-",
        "x-real-ip"};
    std::vector<std::string> options;
    for (const auto& [name, value] : headers) {
        if (strict::lower(name) != "connection") continue;
        std::size_t end = 0;
        for (std::size_t at; (at = value.find_first_not_of(", \t", end)) != value.npos && options.size() < 16;) {
            end = std::min(value.find_first_of(", \t", at), value.size());
            const std::string option = strict::lower(std::string_view(value).substr(at, end - at));
            const auto begins_option = [&](std::string_view prefix) { return option.starts_with(prefix); };
            if (std::none_of(std::begin(end_to_end), std::end(end_to_end), begins_option)) options.push_back(option);
        }
    }
    return options;
}

inline bool never_sent(std::string_view lower) {
    static constexpr std::string_view names[]{"connection", "expect", "keep-alive", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade", "x-server-addr", "x-server-port"};
    return std::find(std::begin(names), std::end(names), lower) != std::end(names) || lower.starts_with("x-rebuilder-");
}

// Each line break with the whitespace around it is a space (RFC 9112, section 5.2). Only HTTP/2 has such values.
inline std::string unfolded(std::string_view value) {
    std::string out;
    for (std::size_t at = 0; at < value.size();) {
        const std::size_t end = std::min(value.find_first_of("\r\n", at), value.size());
        out += value.substr(at, end - at);
        if (end == value.size()) break;
        out.erase(out.find_last_not_of(" \t") + 1);
        at = std::min(value.find_first_not_of("\r\n \t", end), value.size());
        if (at != value.size()) out += ' ';
    }
    return out;
}

// Its size stays, that of the lines it is on becomes the one it has on one.
inline std::string redacted(std::string_view value) {
    return std::string(unfolded(value).size(), 'x');
}

// A cookie in HTTP/2 is all its crumbs (RFC 9113, section 8.2.3).
inline std::string cookie(const FieldList& headers, bool secret) {
    std::string all;
    bool first = true;
    for (const auto& [name, value] : headers) {
        if (name != "cookie") continue;
        all.append(std::exchange(first, false) ? "" : "; ").append(secret ? redacted(value) : unfolded(value));
    }
    return all;
}

inline bool names(const std::vector<std::string>& list, std::string_view lower) {
    return std::any_of(list.begin(), list.end(), [&](const std::string& name) { return strict::lower(name) == lower; });
}

inline bool sets(const RewriteRules& rules, std::string_view lower) {
    return std::any_of(
        rules.set.begin(), rules.set.end(), [&](const auto& field) { return strict::lower(field.first) == lower; });
}

// "192.0.2.1:80" or "[2001:db8::1]:80", as address and port
inline std::pair<std::string, std::string> split_endpoint(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    const bool brackets = text.starts_with('[');
    return {text.substr(brackets, colon - 2 * brackets), text.substr(colon + 1)};
}

}  // namespace detail

// What a record shows of another one that was written without rules.
inline RecordLine expected_record(RecordLine record, const RewriteRules& rules) {
    for (FieldList* fields : {&record.headers, &record.trailers}) {
        std::erase_if(
            *fields, [&](const auto& field) { return detail::names(rules.removed, strict::lower(field.first)); });
        for (auto& [name, value] : *fields) {
            if (detail::names(rules.redacted, strict::lower(name))) value = detail::redacted(value);
        }
    }
    return record;
}

inline ExpectedWire expected_wire(const RecordLine& record, const RewriteRules& rules) {
    const bool http2 = record.version == "HTTP/2", extended = record.protocol.has_value();
    if (record.method == "CONNECT" && !extended) return {.verdict = Counter::unforwardable_connect};
    const detail::ExpectedTarget target = detail::expected_target(record);
    if (!target.forwardable) return {.verdict = Counter::unforwardable_target};

    ExpectedWire expected;
    expected.request = {extended ? "GET" : record.method, target.text, {}, record.body};
    FieldList& fields = expected.request.fields;
    const std::vector<std::string> options =
        http2 ? std::vector<std::string>{} : detail::connection_options(record.headers);
    // Of what a rule leaves out or sets, nothing is added either.
    const auto decided = [&](std::string_view name) {
        return detail::names(rules.removed, name) || detail::sets(rules, name);
    };
    bool has_host = decided("host"), has_proto = decided("x-forwarded-proto"), has_port = decided("x-forwarded-port");
    const std::string client_header = rules.client_ip == "keep" ? "" : strict::lower(rules.client_ip_header);
    std::size_t client_at = 0;  // place of the last one, + 1
    bool client_empty = true, has_cookie = false;
    if (http2 && !has_host && !record.host.empty()) {  // of :authority, or it will have come from the field
        fields.emplace_back("Host", target.authority.empty() ? detail::unfolded(record.host) : target.authority);
        has_host = true;
    }
    expected.has_length = http2 && !extended && record.full_size != 0;
    expected.may_have_length = http2 && !extended;
    for (const auto& [name, value] : record.headers) {
        const std::string lower = strict::lower(name);
        if (lower == "content-length" || (lower == "transfer-encoding" && !http2)) expected.has_length = !extended;
        const bool te = http2 && lower == "te" && strict::lower(value) == "trailers";
        if (!strict::is_token(name) || lower == "content-length" || (detail::never_sent(lower) && !te)) continue;
        if (decided(lower) || (lower == client_header && rules.client_ip == "set")) continue;
        if (lower == "host") {  // the first one; an absolute-form target overrules it
            if (!has_host) fields.emplace_back(name, target.authority.empty() ? value : target.authority);
            has_host = true;
            continue;
        }
        const bool named = std::find(options.begin(), options.end(), lower) != options.end();
        if (named && lower != client_header && !te) continue;
        const bool redacted = detail::names(rules.redacted, lower);
        if (http2 && lower == "cookie") {
            if (!has_cookie) fields.emplace_back(name, detail::cookie(record.headers, redacted));
            has_cookie = true;
            continue;
        }
        fields.emplace_back(name, redacted ? detail::redacted(value) : detail::unfolded(value));
        if (lower == client_header) {
            client_at = fields.size();
            client_empty = value.empty();
        }
        has_proto = has_proto || lower == "x-forwarded-proto";
        has_port = has_port || lower == "x-forwarded-port";
    }
    const auto [client, client_port] = detail::split_endpoint(record.source);
    const auto [server, server_port] = detail::split_endpoint(record.destination);
    if (!has_host) fields.emplace_back("Host", target.authority.empty() ? record.destination : target.authority);
    if (client_at == 0) {
        if (rules.client_ip != "keep") fields.emplace_back(rules.client_ip_header, client);
    } else {
        std::string& chain = fields[client_at - 1].second;
        chain.append(client_empty ? "" : ", ").append(client);
    }
    for (auto& [name, value] : fields) {  // a NUL is sent as a space (RFC 9110, section 5.5)
        std::replace(value.begin(), value.end(), '\0', ' ');
        value = strict::trimmed(value);
    }
    fields.emplace_back("X-Server-Addr", server);
    fields.emplace_back("X-Server-Port", server_port);
    if (!has_proto) fields.emplace_back("X-Forwarded-Proto", "http");
    if (!has_port) fields.emplace_back("X-Forwarded-Port", server_port);
    fields.insert(fields.end(), rules.set.begin(), rules.set.end());
    if (record.truncated) fields.emplace_back("X-Rebuilder-Truncated", std::to_string(record.full_size));
    return expected;
}

}  // namespace rebuilder::test
