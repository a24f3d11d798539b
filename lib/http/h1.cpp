// SPDX-License-Identifier: Apache-2.0
#include "http/h1.h"

#include <llhttp.h>

#include <algorithm>
#include <cstring>

#include "http/detect.h"

namespace rebuilder::http {
namespace {

static_assert(sizeof(llhttp_t) <= Message::parser_bytes);

llhttp_t& parser_of(Message& message) noexcept {
    return *reinterpret_cast<llhttp_t*>(message.parser.data());
}

Message& message_of(llhttp_t* parser) noexcept {
    return *static_cast<Message*>(parser->data);
}

std::uint32_t place(const Message& message, const char* at) noexcept {
    return message.run_at + static_cast<std::uint32_t>(at - message.run);
}

int on_header_field(llhttp_t* parser, const char* at, std::size_t size) noexcept {
    Message& message = message_of(parser);
    if (message.lost) return 0;  // its text is not kept
    if (!message.name_open) {
        if (message.field_count == max_fields) {
            message.lost = Counter::requests_lost_too_many_fields;
            return HPE_USER;
        }
        message.fields[message.field_count++] = Field{place(message, at), 0, FieldKind::other, 0, 0, 0};
        message.name_open = true;
    }
    Field& field = message.fields[message.field_count - 1];
    field.name_size = (field.name_size + static_cast<std::uint32_t>(size)) & 0xffffff;
    return 0;
}

int on_header_value(llhttp_t* parser, const char* at, std::size_t size) noexcept {
    Message& message = message_of(parser);
    if (message.lost) return 0;
    Field& field = message.fields[message.field_count - 1];
    const std::uint32_t begin = place(message, at);
    const std::uint32_t end = begin + static_cast<std::uint32_t>(size);
    if (message.name_open) {
        message.name_open = false;
        field.value_at = begin;
    } else if (begin != field.value_at + field.value_size) {
        field.folded = 1;
    }
    field.value_size = (end - field.value_at) & 0x7fffffff;
    return 0;
}

int on_headers_complete(llhttp_t*) noexcept {
    return HPE_PAUSED;
}

const llhttp_settings_t& settings() noexcept {
    static const llhttp_settings_t instance = [] {
        llhttp_settings_t made;
        llhttp_settings_init(&made);
        made.on_header_field = on_header_field;
        made.on_header_value = on_header_value;
        made.on_headers_complete = on_headers_complete;
        return made;
    }();
    return instance;
}

// llhttp as it stands behind a request line, and so in front of a header or trailer section: llhttp knows fewer
// methods and targets than clients do, and which it was changes nothing that is left to llhttp.
llhttp_t behind_request_line() noexcept {
    llhttp_t parser;
    llhttp_init(&parser, HTTP_REQUEST, &settings());
    // Any byte but CR and LF in a value, and LF alone as a line end (RFC 9112, section 2.2): servers take them.
    llhttp_set_lenient_headers(&parser, 1);
#if LLHTTP_VERSION_MAJOR >= 9
    llhttp_set_lenient_optional_cr_before_lf(&parser, 1);
#endif
    constexpr std::string_view line = "GET / HTTP/1.1\r\n";
    llhttp_execute(&parser, line.data(), line.size());
    return parser;
}

const llhttp_t& ready_parser() noexcept {
    static const llhttp_t ready = behind_request_line();
    return ready;
}

std::string_view without_line_end(std::string_view line) noexcept {
    if (line.ends_with('\n')) line.remove_suffix(1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

bool is_space(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Whether a line ends in front of `end`, where the next one begins.
bool ends_before(const char* text, std::uint32_t from, std::uint32_t end) noexcept {
    return std::memchr(text + from, '\n', end - from) != text + end - 1;
}

// Where the empty line begins that ends a section, and with it the text.
std::uint32_t empty_line(const char* text, std::uint32_t size) noexcept {
    return size >= 2 && text[size - 2] == '\r' ? size - 2 : size - 1;
}

// Whether a CR stands between `from` and `end` that no LF follows. Some servers take one for a line's end.
bool has_bare_cr(const char* text, std::uint32_t from, std::uint32_t end) noexcept {
    for (std::uint32_t at = from; at < end; ++at) {
        if (text[at] == '\r' && text[at + 1] != '\n') return true;
    }
    return false;
}

struct Section {
    bool valid = true;      // every line is a name, a colon and a value
    bool canonical = true;  // every line ends with CRLF, and none is folded
};

// Names the fields from number `first` on, once their section is whole: the text from `begin` to `end`.
Section finish_fields(Message& message, std::uint32_t first, std::uint32_t begin, std::uint32_t end) noexcept {
    const char* text = message.text();
    Section section;
    std::uint32_t line_begin = begin;
    for (std::uint32_t i = first; i < message.field_count; ++i) {
        Field& field = message.fields[i];
        field.kind = field_kind({text + field.name_at, field.name_size});
        while (field.value_size != 0 && is_space(text[field.value_at + field.value_size - 1])) {
            field.value_size = (field.value_size - 1) & 0x7fffffff;
        }
        // llhttp, told to be lenient with values, is so with spaces around names, too. But who reads "Content-Length :"
        // differently from us would find another request than we do (RFC 9112, section 5.1).
        const std::uint32_t name_end = field.name_at + field.name_size;
        const bool named = field.name_size != 0 && std::memchr(text + field.name_at, ' ', field.name_size) == nullptr;
        const bool bare_cr = has_bare_cr(text, name_end, std::min(field.value_at, end));
        section.valid = section.valid && named && !bare_cr && field.name_at == line_begin;
        line_begin = i + 1 < message.field_count ? message.fields[i + 1].name_at : end;
        const bool folded =
            field.folded != 0 || (field.value_at > name_end + 2 && ends_before(text, name_end, line_begin));
        section.canonical = section.canonical && !folded && text[line_begin - 2] == '\r';
    }
    if (first == message.field_count && begin != end) section.valid = false;  // a line of nothing but whitespace
    return section;
}

}  // namespace

struct Http1::Feed {
    const char* at;
    const char* end;
    Progress progress{Verdict::need_more, 0};

    bool fail(Counter reason) noexcept {
        progress = {Verdict::failed, 0, reason};
        return false;
    }
    bool complete() noexcept {
        progress.verdict = Verdict::complete;
        return false;
    }
};

Http1::Http1(const Limits& limits, MessagePool& pool) : limits_(limits), pool_(pool) {}

Http1::Progress Http1::advance(Message& message, Bytes bytes) const noexcept {
    const char* const begin = as_text(bytes).data();
    Feed feed{begin, begin + bytes.size()};
    if (message.kept_block == nullptr) message.in_place = begin;
    message.run = begin;
    message.run_at = message.kept;
    bool next = true;
    if (message.stage == Stage::line) next = read_line(message, feed);
    if (next && message.stage == Stage::head) next = read_head(message, feed);
    if (next && message.stage == Stage::body_length) next = read_length_body(message, feed);
    if (next && message.stage == Stage::body_chunked) next = read_chunked_body(message, feed);
    if (next && message.stage == Stage::trailers) next = read_trailers(message, feed);
    feed.progress.used = static_cast<std::size_t>(feed.at - begin);
    return feed.progress;
}

bool Http1::read_line(Message& message, Feed& feed) const noexcept {
    const auto available = static_cast<std::size_t>(feed.end - feed.at);
    const void* found = std::memchr(feed.at, '\n', available);
    const std::size_t size =
        found != nullptr ? static_cast<std::size_t>(static_cast<const char*>(found) - feed.at) + 1 : available;
    if (message.kept + size > limits_.max_head) return feed.fail(Counter::requests_lost_head_too_large);
    if (found == nullptr || message.kept_block != nullptr) {
        if (!pool_.keep(message, feed.at, size)) return feed.fail(Counter::requests_lost_no_memory);
        message.run = feed.at + size;
        message.run_at = message.kept;
    }
    feed.at += size;
    if (found == nullptr) return false;

    const std::size_t line_size = message.kept_block != nullptr ? message.kept : size;
    const char* text = message.text();
    RequestLine line;
    if (!parse_request_line(without_line_end({text, line_size}), line)) {
        return feed.fail(Counter::requests_lost_line_malformed);
    }
    message.method_size = static_cast<std::uint32_t>(line.method.size());
    message.target_at = static_cast<std::uint32_t>(line.target.data() - text);
    message.target_size = static_cast<std::uint32_t>(line.target.size());
    message.header_at = static_cast<std::uint32_t>(line_size);
    message.recognised = true;
    message.stage = Stage::head;
    parser_of(message) = ready_parser();
    return true;
}

// A header or trailer section, up to and with its empty line. Its text is kept when earlier text is.
bool Http1::read_section(Message& message, Feed& feed, Counter malformed) const noexcept {
    llhttp_t& parser = parser_of(message);
    parser.data = &message;
    const llhttp_errno_t result = llhttp_execute(&parser, feed.at, static_cast<std::size_t>(feed.end - feed.at));
    const bool complete = result == HPE_PAUSED;
    if (!complete && result != HPE_OK) return feed.fail(message.lost.value_or(malformed));
    feed.at = complete ? llhttp_get_error_pos(&parser) : feed.end;
    if (place(message, feed.at) > limits_.max_head) return feed.fail(Counter::requests_lost_head_too_large);
    if (!message.lost && (!complete || message.kept_block != nullptr)) {
        const auto size = static_cast<std::size_t>(feed.at - message.run);
        if (!pool_.keep(message, message.run, size)) {
            if (message.stage == Stage::head) return feed.fail(Counter::requests_lost_no_memory);
            lose(message, Counter::requests_lost_no_memory);
        }
        message.run = feed.at;
        message.run_at = message.kept;
    }
    return complete;
}

bool Http1::read_head(Message& message, Feed& feed) const noexcept {
    if (!read_section(message, feed, Counter::requests_lost_head_malformed)) return false;
    const char* text = message.text();
    message.head_size = place(message, feed.at);
    message.header_count = message.field_count;
    if (text[message.head_size - 1] != '\n') return feed.fail(Counter::requests_lost_head_malformed);
    message.header_end = empty_line(text, message.head_size);
    const Section section = finish_fields(message, 0, message.header_at, message.header_end);
    if (!section.valid) return feed.fail(Counter::requests_lost_head_malformed);
    message.canonical_lines = section.canonical && text[message.header_at - 2] == '\r';

    const llhttp_t& parser = parser_of(message);
    const auto has = [&parser](unsigned flags) { return (parser.flags & flags) == flags; };
    message.tunnel = std::string_view(text, message.method_size) == "CONNECT" || has(F_UPGRADE | F_CONNECTION_UPGRADE);
    // A body is framed by chunked coding, else by its length, else there is none (RFC 9112, section 6.3).
    if (has(F_CHUNKED)) {
        message.framing = Framing::chunked;
        message.stage = Stage::body_chunked;
        return true;
    }
    if (has(F_TRANSFER_ENCODING)) return feed.fail(Counter::requests_lost_head_malformed);
    if (!has(F_CONTENT_LENGTH)) return feed.complete();
    message.framing = Framing::content_length;
    if (parser.content_length == 0) return feed.complete();
    message.body_left = parser.content_length;
    message.stage = Stage::body_length;
    return true;
}

bool Http1::read_length_body(Message& message, Feed& feed) const noexcept {
    const Bytes available = as_bytes({feed.at, feed.end});
    const Bytes body = available.first(std::min<std::uint64_t>(message.body_left, available.size()));
    take_body(message, body);
    feed.at += body.size();
    message.body_left -= body.size();
    return message.body_left == 0 ? feed.complete() : suspend(message);
}

bool Http1::read_chunked_body(Message& message, Feed& feed) const noexcept {
    for (;;) {
        const ChunkedDecoder::Step step = message.chunked.step(as_bytes({feed.at, feed.end}));
        feed.at += step.used;
        switch (step.found) {
        case ChunkedDecoder::Found::data: take_body(message, step.data); break;
        case ChunkedDecoder::Found::need_more: return suspend(message);
        case ChunkedDecoder::Found::malformed:
            return feed.fail(message.lost.value_or(Counter::requests_lost_body_malformed));
        case ChunkedDecoder::Found::last_chunk:
            message.stage = Stage::trailers;
            message.name_open = false;
            parser_of(message) = ready_parser();
            // Mostly there are no trailers, and then the text stays where it is.
            if (feed.end - feed.at >= 2 && feed.at[0] == '\r' && feed.at[1] == '\n') {
                feed.at += 2;
                return feed.complete();
            }
            if (!suspend_text(message)) lose(message, Counter::requests_lost_no_memory);
            message.run = feed.at;
            message.run_at = message.trailers_at = message.kept;
            return true;
        }
    }
}

bool Http1::read_trailers(Message& message, Feed& feed) const noexcept {
    if (!read_section(message, feed, Counter::requests_lost_body_malformed)) {
        return feed.progress.verdict == Verdict::need_more ? suspend(message) : false;
    }
    if (message.lost) return feed.complete();
    const std::uint32_t end = empty_line(message.text(), message.kept);
    if (message.text()[message.kept - 1] != '\n' ||
        !finish_fields(message, message.header_count, message.trailers_at, end).valid) {
        return feed.fail(Counter::requests_lost_body_malformed);
    }
    return feed.complete();
}

void Http1::take_body(Message& message, Bytes bytes) const noexcept {
    message.body_full += bytes.size();
    if (message.lost) return;
    const std::uint64_t room = limits_.max_body - message.body_size;
    if (bytes.size() > room) {
        if (limits_.oversize == Oversize::drop) return lose(message, Counter::requests_lost_body_too_large);
        bytes = bytes.first(room);
    }
    if (bytes.empty()) return;
    message.body_size += bytes.size();
    if (!pool_.keep_body(message)) return lose(message, Counter::requests_lost_no_memory);
    message.body_tail = bytes;
}

void Http1::lose(Message& message, Counter reason) const noexcept {
    message.lost = reason;
    pool_.drop_body(message);
}

// The head, if it still lies in the segment, is copied.
bool Http1::suspend_text(Message& message) const noexcept {
    return message.lost || message.kept_block != nullptr || pool_.keep(message, message.in_place, message.head_size);
}

// The bytes end inside a body or behind it: what was read in place has to be copied before they go.
bool Http1::suspend(Message& message) const noexcept {
    if (!message.lost && !(pool_.keep_body(message) && suspend_text(message))) {
        lose(message, Counter::requests_lost_no_memory);
    }
    return false;
}

bool Http1::skip(Message& message, std::uint64_t bytes) const noexcept {
    const bool inside = message.stage == Stage::body_length    ? bytes <= message.body_left
                        : message.stage == Stage::body_chunked ? message.chunked.skip(bytes)
                                                               : false;
    if (!inside) return false;
    if (message.stage == Stage::body_length) message.body_left -= bytes;
    if (!message.lost) lose(message, Counter::requests_lost_to_gap);
    return true;
}

Request Http1::request(Message& message) noexcept {
    const char* text = message.text();
    Request request;
    request.method = {text, message.method_size};
    request.target = {text + message.target_at, message.target_size};
    std::string_view line = without_line_end({text, message.header_at});
    while (line.ends_with(' ')) line.remove_suffix(1);
    request.version = line.substr(line.rfind(' ') + 1);
    request.text = text;
    request.header_at = message.header_at;
    request.header_size = message.header_end - message.header_at;
    request.canonical_lines = message.canonical_lines;
    const std::span<const Field> fields(message.fields.data(), message.field_count);
    request.headers = fields.first(message.header_count);
    request.trailers = fields.subspan(message.header_count);
    request.framing = message.framing;
    request.body = {&message.body, message.body_tail, message.body_size, message.body_full};
    request.time_ns = message.time_ns;
    return request;
}

bool parse_request_line(std::string_view line, RequestLine& parsed) noexcept {
    const std::size_t space = line.find(' ');
    if (space == 0 || space == std::string_view::npos || space > longest_method) return false;
    parsed.method = line.substr(0, space);
    const Bytes method = as_bytes(parsed.method);
    if (!std::all_of(method.begin(), method.end(), is_token_char)) return false;

    while (line.ends_with(' ')) line.remove_suffix(1);
    constexpr std::string_view name = "HTTP/";
    constexpr std::size_t version_size = name.size() + 3;
    if (line.size() < space + 1 + version_size) return false;
    parsed.version = line.substr(line.size() - version_size);
    const bool one_dot_x = parsed.version.starts_with(name) && parsed.version[5] == '1' && parsed.version[6] == '.' &&
                           parsed.version[7] >= '0' && parsed.version[7] <= '9';
    if (!one_dot_x) return false;

    std::string_view target = line.substr(space + 1, line.size() - space - 1 - version_size);
    if (!target.ends_with(' ')) return false;
    while (target.starts_with(' ')) target.remove_prefix(1);
    while (target.ends_with(' ')) target.remove_suffix(1);
    parsed.target = target;
    return !target.empty();
}

}  // namespace rebuilder::http
