// SPDX-License-Identifier: Apache-2.0
#include "http/detect.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/ascii.h"
#include "http/h2_frame.h"
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

// ---- binary protocols ----
//
// What the byte at `at` adds to those in front of it, which said neither `no` nor `yes`. One byte after the other is
// looked at, so it can't matter how they are split. A `yes` comes behind a byte that no request line has there.
using Look = Match (*)(const std::uint8_t* bytes, std::size_t at) noexcept;

Match look_at_each(Bytes bytes, Look look) noexcept {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        const Match found = look(bytes.data(), at);
        if (found != Match::so_far) return found;
    }
    return Match::so_far;
}

constexpr Match go_on_if(bool fits) noexcept {
    return fits ? Match::so_far : Match::no;
}

constexpr Match done_if(bool fits) noexcept {
    return fits ? Match::yes : Match::no;
}

// A record (RFC 8446, section 5.1): its content type, and version 3.x.
Match tls(const std::uint8_t* bytes, std::size_t at) noexcept {
    switch (at) {
    case 0: return go_on_if(bytes[0] >= 20 && bytes[0] <= 23);
    case 1: return go_on_if(bytes[1] == 3);
    default: return done_if(bytes[2] <= 4);
    }
}

// RESP: a type and a number on a line: *2, $11, :0, %7, $-1.
Match redis(const std::uint8_t* bytes, std::size_t at) noexcept {
    constexpr std::size_t longest_number = 20;  // -9223372036854775808
    constexpr std::string_view types = "*$:%";
    const std::uint8_t byte = bytes[at];
    if (at == 0) return go_on_if(types.find(static_cast<char>(byte)) != types.npos);
    const std::uint8_t before = bytes[at - 1];
    if (byte == '\n') return done_if(before == '\r');
    if (byte == '\r') return go_on_if(is_digit(before));
    if (byte == '-') return go_on_if(at == 1);
    return go_on_if(is_digit(byte) && before != '\r' && at <= longest_number);
}

// Protocol::HandshakeV10: the packet's length (3 bytes, little endian), sequence number 0; protocol 10, the version as
// text.
Match mysql_server(const std::uint8_t* bytes, std::size_t at) noexcept {
    constexpr std::uint8_t least_length = 20;
    switch (at) {
    case 0: return go_on_if(bytes[0] >= least_length);
    case 1:
    case 2:
    case 3: return go_on_if(bytes[at] == 0);
    case 4: return go_on_if(bytes[4] == 10);
    case 5: return go_on_if(is_digit(bytes[5]));
    default: {
        if (bytes[at] == 0) return Match::yes;
        const bool printable = bytes[at] >= ' ' && bytes[at] <= '~';
        return go_on_if(printable && at < 4u + bytes[0]);
    }
    }
}

// Protocol::HandshakeResponse41 or SSLRequest: length, sequence number 1; flags with CLIENT_PROTOCOL_41, packet size,
// character set, filler, the last 4 bytes of which are flags in MariaDB. The length is below 8 KB, so that its second
// byte is no part of a method, and no space behind one.
Match mysql_client(const std::uint8_t* bytes, std::size_t at) noexcept {
    constexpr std::size_t filler_begin = 13;
    constexpr std::size_t filler_end = 32;
    if (at >= filler_begin && bytes[at] != 0) return Match::no;
    switch (at) {
    case 1: return go_on_if(bytes[1] < 0x20 && (bytes[1] != 0 || bytes[0] >= 32));
    case 2: return go_on_if(bytes[2] == 0);
    case 3: return go_on_if(bytes[3] == 1);
    case 5: return go_on_if((bytes[5] & 0x02) != 0);
    case filler_end - 1: return Match::yes;
    default: return Match::so_far;
    }
}

// A length, then a version or, in its place, a code: StartupMessage (3.x, then the name of a parameter: without that, a
// Kafka request may look the same), CancelRequest, SSLRequest or GSSENCRequest.
Match postgresql_client(const std::uint8_t* bytes, std::size_t at) noexcept {
    const std::size_t length = at >= 3 ? load_be32(bytes) : 0;
    const bool startup = at >= 4 && bytes[4] == 0;
    switch (at) {
    case 0:
    case 1: return go_on_if(bytes[at] == 0);
    case 3: return go_on_if(length >= 8 && length <= 10'000);
    case 4: return go_on_if(bytes[4] == (startup ? 0 : 0x04));
    case 5: return go_on_if(bytes[5] == (startup ? 3 : 0xd2));
    case 6: return go_on_if(startup || bytes[6] == 0x16);
    case 7:
        if (startup) return Match::so_far;
        return done_if(bytes[7] == 0x2e ? length >= 16 : length == 8 && (bytes[7] == 0x2f || bytes[7] == 0x30));
    case 8: return done_if((bytes[8] | 0x20) >= 'a' && (bytes[8] | 0x20) <= 'z');
    default: return Match::so_far;
    }
}

// An authentication request, behind the N that refuses encryption if there was one.
Match postgresql_server(const std::uint8_t* bytes, std::size_t at) noexcept {
    if (bytes[0] == 'N') {
        if (at == 0) return Match::so_far;
        ++bytes;
        --at;
    }
    switch (at) {
    case 0: return go_on_if(bytes[0] == 'R');
    case 4: return go_on_if(bytes[4] >= 8);
    case 8: return done_if(bytes[8] <= 12);
    default: return go_on_if(bytes[at] == 0);
    }
}

// SETTINGS of stream 0, not an acknowledgement, to its end (RFC 9113, section 6.5).
Match http2_server(const std::uint8_t* bytes, std::size_t at) noexcept {
    constexpr std::size_t most_settings = 40;
    switch (at) {
    case 0: return go_on_if(bytes[0] == 0);
    case 1: return go_on_if(bytes[1] == 0);
    case 2: return go_on_if(bytes[2] % setting_size == 0 && bytes[2] <= most_settings * setting_size);
    case 3: return go_on_if(bytes[3] == frame_type::settings);
    case 4: return go_on_if(bytes[4] == 0);
    default: break;
    }
    if (at < frame_head_size && bytes[at] != 0) return Match::no;
    return at + 1 == frame_head_size + bytes[2] ? Match::yes : Match::so_far;
}

struct Binary {
    Look look;
    Protocol protocol;
};
constexpr auto binaries = std::to_array<Binary>({
    {tls, Protocol::tls},
    {redis, Protocol::redis},
    {mysql_server, Protocol::mysql},
    {mysql_client, Protocol::mysql},
    {postgresql_client, Protocol::postgresql},
    {postgresql_server, Protocol::postgresql},
    {http2_server, Protocol::http2_response},
});

// ---- text ----

// Beginnings that no request line has.
struct Beginning {
    std::string_view text;
    Protocol protocol;
};
constexpr auto beginnings = std::to_array<Beginning>({
    {"HTTP/", Protocol::http1_response},
    {"PRI * HTTP/2.0\r\n", Protocol::http2},
    {"+OK\r\n", Protocol::redis},
    {"+PONG\r\n", Protocol::redis},
});

// Beginnings that a request line may have, too.
struct Line {
    std::string_view begins;
    Protocol protocol;
    std::string_view holds = "";
};
constexpr auto lines = std::to_array<Line>({
    {"SSH-1.", Protocol::ssh},
    {"SSH-2.", Protocol::ssh},
    {"-ERR ", Protocol::redis},
    {"-NOAUTH ", Protocol::redis},
    {"EHLO ", Protocol::smtp},
    {"ehlo ", Protocol::smtp},
    {"HELO ", Protocol::smtp},
    {"helo ", Protocol::smtp},
    {"220 ", Protocol::smtp, "SMTP"},
    {"220-", Protocol::smtp, "SMTP"},
});

Match match_line(std::string_view text, const Line& line) noexcept {
    const Match begins = match(text, line.begins);
    if (begins != Match::yes) return begins;
    const std::size_t end = text.substr(0, enough_to_detect).find('\n');
    if (end == text.npos) return go_on_if(text.size() < enough_to_detect);
    text = text.substr(0, end);
    return done_if(text.find(line.holds) != text.npos && text.find("HTTP/") == text.npos);
}

// What is left: a method and a space may be a request.
Protocol http1_or_unknown(std::string_view text) noexcept {
    const std::size_t token = token_size(text.substr(0, longest_method + 1));
    if (token > longest_method) return Protocol::unknown;
    if (token == text.size()) return Protocol::undecided;
    return token != 0 && text[token] == ' ' ? Protocol::http1 : Protocol::unknown;
}

}  // namespace

// The first that doesn't say `no` decides. None takes a `no` or a `yes` back, so that is the same one for any prefix.
Protocol detect(Bytes first) noexcept {
    const auto answer = [](Match matched, Protocol protocol) {
        return matched == Match::yes ? protocol : Protocol::undecided;
    };
    if (first.empty()) return Protocol::undecided;
    for (const Binary& binary : binaries) {
        const Match matched = look_at_each(first, binary.look);
        if (matched != Match::no) return answer(matched, binary.protocol);
    }
    const std::string_view text = as_text(first);
    for (const Beginning& beginning : beginnings) {
        const Match matched = match(text, beginning.text);
        if (matched != Match::no) return answer(matched, beginning.protocol);
    }
    for (const Line& line : lines) {
        const Match matched = match_line(text, line);
        if (matched != Match::no) return answer(matched, line.protocol);
    }
    return http1_or_unknown(text);
}

bool begins_like_request(Bytes segment) noexcept {
    const std::string_view text = as_text(segment.first(std::min(segment.size(), longest_method)));
    const std::size_t space = text.find(' ');
    const std::size_t target_at = text.find_first_not_of(' ', space);
    if (target_at == std::string_view::npos) return false;
    const std::string_view method = text.substr(0, space);
    if (!std::binary_search(methods.begin(), methods.end(), method)) return false;
    if (method == "CONNECT") return true;  // its target is a host and a port
    const std::string_view target = text.substr(target_at);
    return target[0] == '/' || target[0] == '*' || match(target, "http") != Match::no;
}

bool looks_like_http2(Bytes segment) noexcept {
    constexpr std::uint32_t usual_frame_size = 16'384;
    struct Kind {
        std::uint8_t flags;         // that are defined
        std::int8_t of_stream;      // 1: only of a stream, 0: only of the connection, -1: either
        std::uint32_t least, most;  // of the payload
    };
    constexpr auto kinds = std::to_array<Kind>({
        {0x09, 1, 0, usual_frame_size},  // DATA
        {0x2d, 1, 1, usual_frame_size},  // HEADERS
        {0x00, 1, 5, 5},                 // PRIORITY
        {0x00, 1, 4, 4},                 // RST_STREAM
        {0x01, 0, 0, usual_frame_size},  // SETTINGS
        {0x0c, 1, 4, usual_frame_size},  // PUSH_PROMISE
        {0x01, 0, 8, 8},                 // PING
        {0x00, 0, 8, usual_frame_size},  // GOAWAY
        {0x00, -1, 4, 4},                // WINDOW_UPDATE
        {0x04, 1, 0, usual_frame_size},  // CONTINUATION
    });
    int frames = 0;
    while (segment.size() >= frame_head_size) {
        const FrameHead head(segment.data());
        if (head.type >= kinds.size() || (segment[5] & 0x80) != 0) return false;
        const Kind& kind = kinds[head.type];
        const bool stream = head.stream_id != 0;
        if ((head.flags & ~kind.flags) != 0 || head.size < kind.least || head.size > kind.most) return false;
        if (kind.of_stream != -1 && stream != (kind.of_stream == 1)) return false;
        ++frames;
        if (head.size >= segment.size() - frame_head_size)
            return frames > 1 || head.size == segment.size() - frame_head_size;
        segment = segment.subspan(frame_head_size + head.size);
    }
    return frames > 1;
}

}  // namespace rebuilder::http
