// SPDX-License-Identifier: Apache-2.0
#include "http/h1.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/ascii.h"
#include "http/detect.h"
#include "http/field_line.h"
#include "http/framing.h"
#include "http/line_scan.h"
#include "http/request_line.h"

namespace rebuilder::http {
namespace {

// A field of the text, in the section that the message is at.
inline Field& add_field(
    Message& message, std::string_view name, std::string_view value, bool unsendable = false) noexcept {
    const auto place = [text = message.text()](
                           std::string_view part) { return static_cast<std::uint32_t>(part.data() - text); };
    const FieldKind kind = unsendable ? FieldKind::other : field_kind(name);
    const std::uint32_t index = message.field_count++;
    if (kind != FieldKind::other && message.stage != Stage::trailers) {
        // A second Host makes servers refuse the request (RFC 9112, section 3.2).
        unsendable = kind == FieldKind::host && message.special.has(kind);
        message.special.add(index, kind);
    }
    if (unsendable) message.canonical_lines = false;
    Field& field = message.fields[index];
    field = {place(name), static_cast<std::uint32_t>(name.size()) & 0xffffff, kind, place(value),
        static_cast<std::uint32_t>(value.size()) & 0xfffffff, 0, 0, unsendable};
    return field;
}

// The request line, which is all of the text so far.
void begin_head(Message& message, const RequestLine& line) noexcept {
    const auto place = [text = message.text()](std::string_view part) {
        return part.empty() ? 0 : static_cast<std::uint32_t>(part.data() - text);
    };
    message.method_size = static_cast<std::uint32_t>(line.method.size());
    message.target_at = place(line.target);
    message.target_size = static_cast<std::uint32_t>(line.target.size());
    message.version_at = place(line.version);
    message.version_size = static_cast<std::uint32_t>(line.version.size());
    message.header_at = message.header_end = message.text_size;
    message.recognised = true;
}

// Of the message and the bytes that go on with it.
Bytes first_bytes(const Message& message, std::string_view next, std::array<char, longest_method>& first) noexcept {
    const std::size_t kept = std::string_view(message.text(), message.text_size).copy(first.data(), first.size());
    const std::size_t more = next.copy(first.data() + kept, first.size() - kept);
    return as_bytes({first.data(), kept + more});
}

// Both take a plain line as nearly all are written, and answer false for any other.
bool take_request_line(Message& message, const LineScan::Line& line) noexcept {
    constexpr std::string_view version = " HTTP/1.";  // and a digit
    const char* const end = line.end - 2;
    const char* const target = line.token_end + 1;
    const char* const target_end = end - version.size() - 1;
    const std::ptrdiff_t method_size = line.token_end - line.begin;
    if (method_size == 0 || method_size > std::ptrdiff_t{longest_method} || target_end <= target) return false;
    if (*line.token_end != ' ' || *target == ' ' || target_end[-1] == ' ') return false;
    if (std::memcmp(target_end, version.data(), version.size()) != 0 || !is_digit(end[-1])) return false;
    message.text_size = static_cast<std::uint32_t>(line.end - message.in_place);
    begin_head(message, {{line.begin, line.token_end}, {target, target_end}, {target_end + 1, end}});
    message.stage = Stage::head;
    return true;
}

bool take_field(Message& message, const LineScan::Line& line) noexcept {
    if (line.token_end == line.begin || *line.token_end != ':' || message.field_count == max_fields) return false;
    const char* value = line.token_end + 1;
    const char* end = line.end - 2;
    while (value != end && is_blank(*value)) ++value;
    while (value != end && is_blank(end[-1])) --end;
    add_field(message, {line.begin, line.token_end}, {value, end});
    return true;
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
    bool fail_ambiguous(Counter reason) noexcept {
        progress = {Verdict::failed, 0, reason, true};
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
    bool next = true;
    if (message.stage <= Stage::head) next = message.lost ? follow_head(message, feed) : read_start(message, feed);
    if (next && message.stage == Stage::body_length) next = read_length_body(message, feed);
    if (next && message.stage == Stage::body_chunked) next = read_chunked_body(message, feed);
    if (next && message.stage == Stage::trailers) next = read_trailers(message, feed);
    feed.progress.used = static_cast<std::size_t>(feed.at - begin);
    return feed.progress;
}

// The request line and the header section.
bool Http1::read_start(Message& message, Feed& feed) const noexcept {
    if (message.kept_block == nullptr && read_lines_in_place(message, feed)) return end_head(message, feed);
    if (message.stage == Stage::line && !read_line(message, feed)) return lose_head(message, feed);
    return read_head(message, feed) || lose_head(message, feed);
}

// The next line of the text, with its end and in one piece. False when it doesn't end here, or can't be kept.
bool Http1::take_line(Message& message, Feed& feed, std::string_view& line) const noexcept {
    const auto available = static_cast<std::size_t>(feed.end - feed.at);
    const void* found = std::memchr(feed.at, '\n', available);
    const std::size_t size =
        found != nullptr ? static_cast<std::size_t>(static_cast<const char*>(found) - feed.at) + 1 : available;
    if (message.text_size + size > limits_.max_head) return feed.fail(Counter::requests_lost_head_too_large);
    bool kept = true;
    if (message.kept_block != nullptr) {
        kept = pool_.keep(message, feed.at, size);
    } else if (found == nullptr) {
        kept = pool_.keep(message, message.in_place, message.text_size + size);
    } else {
        message.text_size += static_cast<std::uint32_t>(size);
    }
    if (!kept) return feed.fail(Counter::requests_lost_no_memory);
    feed.at += size;
    if (found == nullptr) return false;
    line = {message.text() + message.line_at, message.text_size - message.line_at};
    message.line_at = message.text_size;
    return true;
}

// The usual lines of a head, while they lie in the segment: method, target and version with a space between, and fields as
// strict servers take them. What is none of these is left to the stages that read line by line. True when the head ends.
bool Http1::read_lines_in_place(Message& message, Feed& feed) const noexcept {
    LineScan scan(feed.at, feed.end);
    LineScan::Line line;
    while (scan.next(line) && static_cast<std::size_t>(line.end - message.in_place) <= limits_.max_head) {
        if (!line.plain) return false;
        const bool ends = line.end - line.begin == 2 && message.stage == Stage::head;
        if (ends) message.header_end = message.text_size;
        if (!ends && !(message.stage == Stage::line ? take_request_line(message, line) : take_field(message, line))) {
            return false;
        }
        message.text_size = message.line_at = static_cast<std::uint32_t>(line.end - message.in_place);
        feed.at = line.end;
        if (ends) return true;
    }
    return false;
}

bool Http1::read_line(Message& message, Feed& feed) const noexcept {
    std::string_view text;
    if (!take_line(message, feed, text)) return false;
    RequestLine line;
    const bool valid = parse_request_line(without_line_end(text), line);
    if (!valid || (line.version.empty() && !message.from_start))
        return feed.fail(Counter::requests_lost_line_malformed);
    begin_head(message, line);
    message.canonical_lines = text.ends_with("\r\n");
    if (line.version.empty()) return feed.complete();
    message.stage = Stage::head;
    return true;
}

// Enters one line of a header or trailer section. False when the section ends with it, or it can't be one.
bool Http1::add_line(Message& message, Feed& feed, std::string_view line, Counter malformed) const noexcept {
    const FieldLine parsed = parse_field_line(line);
    const auto at = message.text_size - static_cast<std::uint32_t>(line.size());
    const bool trailer = message.stage == Stage::trailers;
    message.canonical_lines = message.canonical_lines && parsed.crlf;
    switch (parsed.kind) {
    case FieldLine::Kind::end: return false;
    case FieldLine::Kind::malformed: return feed.fail_ambiguous(malformed);
    case FieldLine::Kind::fold: {
        message.canonical_lines = false;
        if (message.field_count == (trailer ? message.header_count : 0)) return feed.fail_ambiguous(malformed);
        if (parsed.value_size == 0) return true;
        Field& field = message.fields[message.field_count - 1];
        if (field.value_size == 0) field.value_at = at + parsed.value_at;
        field.folded = field.folded != 0 || field.value_at != at + parsed.value_at;
        field.value_size = (at + parsed.value_at + parsed.value_size - field.value_at) & 0xfffffff;
        return true;
    }
    case FieldLine::Kind::field: break;
    }
    if (message.field_count == max_fields) return feed.fail(Counter::requests_lost_too_many_fields);
    Field& field = add_field(
        message, line.substr(0, parsed.name_size), line.substr(parsed.value_at, parsed.value_size), parsed.unsendable);
    field.loose = parsed.loose;
    if (parsed.loose || line.find('\0') != line.npos) message.canonical_lines = false;
    return true;
}

bool Http1::read_head(Message& message, Feed& feed) const noexcept {
    std::string_view line;
    do {
        message.header_end = message.line_at;
        if (!take_line(message, feed, line)) return false;
    } while (add_line(message, feed, line, Counter::requests_lost_head_malformed));
    return feed.progress.verdict != Verdict::failed && end_head(message, feed);
}

bool Http1::end_head(Message& message, Feed& feed) const noexcept {
    const char* text = message.text();
    const std::span<const Field> headers(message.fields.data(), message.field_count);
    const auto any = [&message](FieldKind kind) { return message.special.has(kind); };
    message.header_count = message.field_count;
    message.tunnel = std::string_view(text, message.method_size) == "CONNECT" ||
                     (any(FieldKind::upgrade) && asks_for_upgrade(text, headers));
    message.h2c = message.tunnel && asks_for_h2c(text, headers);
    const bool framed = any(FieldKind::content_length) || any(FieldKind::transfer_encoding);
    if (!framed && message.canonical_lines) return feed.complete();
    return begin_body(message, feed, read_framing(text, headers, {text + message.version_at, message.version_size}));
}

bool Http1::begin_body(Message& message, Feed& feed, const std::optional<BodyFraming>& framing) const noexcept {
    if (!framing) return feed.fail_ambiguous(Counter::requests_lost_framing_ambiguous);
    message.framing = framing->framing;
    if (framing->framing == Framing::chunked) {
        message.stage = Stage::body_chunked;
        return true;
    }
    if (framing->length == 0) return feed.complete();
    message.body_left = framing->length;
    message.stage = Stage::body_length;
    return true;
}

// What failed for a limit is only lost: the rest of the head is read for its framing. A request line that is too long has to
// begin like one, at a place where one begins for certain.
bool Http1::lose_head(Message& message, Feed& feed) const noexcept {
    const Counter reason = feed.progress.reason;
    const bool limited =
        reason == Counter::requests_lost_head_too_large || reason == Counter::requests_lost_too_many_fields;
    if (feed.progress.verdict != Verdict::failed || !limited) return false;
    const bool in_line = message.stage == Stage::line;
    std::array<char, longest_method> first;
    if (in_line && !(message.from_start && begins_like_request(first_bytes(message, {feed.at, feed.end}, first))))
        return false;
    Block* buffer = nullptr;
    if (!pool_.make_room(buffer, 0, LostHead::buffer_bytes)) return false;

    const std::string_view text(message.text(), message.text_size);
    std::string_view again = text;
    message.lost_head = LostHead();
    if (!in_line) {
        const bool connect = text.substr(0, message.method_size) == "CONNECT";
        message.lost_head = LostHead(connect, text.substr(message.version_at, message.version_size));
        // The last field may be folded.
        const std::uint32_t complete = std::max(message.field_count, 1U) - 1;
        for (std::uint32_t i = 0; i < complete; ++i) message.lost_head.add(text.data(), message.fields[i]);
        again.remove_prefix(message.field_count != 0 ? message.fields[complete].name_at : message.header_at);
    }
    const LostHead::Step step = message.lost_head.step(reinterpret_cast<char*>(buffer->data()), again);
    pool_.drop(message.kept_block);
    message.kept_block = buffer;
    message.text_size = message.line_at = message.field_count = 0;
    message.recognised = true;
    pool_.lose(message, reason);
    feed.progress = {Verdict::need_more, 0};
    if (step.found == LostHead::Found::ambiguous) return feed.fail_ambiguous(reason);
    return follow_head(message, feed);
}

bool Http1::follow_head(Message& message, Feed& feed) const noexcept {
    char* const buffer = reinterpret_cast<char*>(message.kept_block->data());
    const LostHead::Step step = message.lost_head.step(buffer, {feed.at, feed.end});
    feed.at += step.used;
    switch (step.found) {
    case LostHead::Found::need_more: return false;
    case LostHead::Found::ambiguous: return feed.fail_ambiguous(*message.lost);
    case LostHead::Found::end: break;
    }
    message.version_size = static_cast<std::uint32_t>(message.lost_head.version().size());
    message.tunnel = message.lost_head.tunnel();
    message.h2c = message.lost_head.h2c();
    pool_.drop(message.kept_block);
    return begin_body(message, feed, message.lost_head.framing());
}

bool Http1::read_length_body(Message& message, Feed& feed) const noexcept {
    const Bytes available = as_bytes({feed.at, feed.end});
    const Bytes body = available.first(std::min<std::uint64_t>(message.body_left, available.size()));
    pool_.take_body(message, body);
    feed.at += body.size();
    message.body_left -= body.size();
    return message.body_left == 0 ? feed.complete() : suspend(message);
}

bool Http1::read_chunked_body(Message& message, Feed& feed) const noexcept {
    for (;;) {
        const ChunkedDecoder::Step step = message.chunked.step(as_bytes({feed.at, feed.end}));
        feed.at += step.used;
        switch (step.found) {
        case ChunkedDecoder::Found::data: pool_.take_body(message, step.data); break;
        case ChunkedDecoder::Found::need_more: return suspend(message);
        case ChunkedDecoder::Found::malformed:
            return feed.fail_ambiguous(message.lost.value_or(Counter::requests_lost_body_malformed));
        case ChunkedDecoder::Found::last_chunk:
            // Mostly there are no trailers, and then the text stays where it is.
            if (feed.end - feed.at >= 2 && feed.at[0] == '\r' && feed.at[1] == '\n') {
                feed.at += 2;
                return feed.complete();
            }
            message.stage = Stage::trailers;
            message.line_seen = LineSeen::nothing;
            if (!suspend_text(message)) pool_.lose(message, Counter::requests_lost_no_memory);
            return true;
        }
    }
}

bool Http1::read_trailers(Message& message, Feed& feed) const noexcept {
    std::string_view line;
    while (!message.lost) {
        if (take_line(message, feed, line)) {
            if (add_line(message, feed, line, Counter::requests_lost_body_malformed)) continue;
            if (feed.progress.verdict != Verdict::failed) return feed.complete();
            if (feed.progress.ambiguous) return false;
        } else if (feed.progress.verdict == Verdict::need_more) {
            return suspend(message);
        }
        // There's no room for it. What there is of the line so far was kept; the rest can't be.
        const std::string_view begun(message.text() + message.line_at, message.text_size - message.line_at);
        message.line_seen = begun.empty() ? LineSeen::nothing : begun == "\r" ? LineSeen::cr : LineSeen::more;
        pool_.lose(message, feed.progress.reason);
        feed = {feed.at, feed.end};
    }
    return skip_trailers(message, feed);
}

// The trailer section of a lost message: only its end matters.
bool Http1::skip_trailers(Message& message, Feed& feed) const noexcept {
    while (feed.at != feed.end) {
        const char c = *feed.at++;
        if (c == '\n') {
            if (message.line_seen != LineSeen::more) return feed.complete();
            message.line_seen = LineSeen::nothing;
        } else {
            message.line_seen = c == '\r' && message.line_seen == LineSeen::nothing ? LineSeen::cr : LineSeen::more;
        }
    }
    return false;
}

// The head, if it still lies in the segment, is copied.
bool Http1::suspend_text(Message& message) const noexcept {
    return message.lost || message.kept_block != nullptr || pool_.keep(message, message.in_place, message.text_size);
}

// The bytes end inside a body or behind it: what was read in place has to be copied before they go.
bool Http1::suspend(Message& message) const noexcept {
    if (!message.lost && !(pool_.keep_body(message) && suspend_text(message))) {
        pool_.lose(message, Counter::requests_lost_no_memory);
    }
    return false;
}

bool Http1::skip(Message& message, std::uint64_t bytes) const noexcept {
    const bool inside = message.stage == Stage::body_length    ? bytes <= message.body_left
                        : message.stage == Stage::body_chunked ? message.chunked.skip(bytes)
                                                               : false;
    if (!inside) return false;
    if (message.stage == Stage::body_length) message.body_left -= bytes;
    if (!message.lost) pool_.lose(message, Counter::requests_lost_to_gap);
    return true;
}

}  // namespace rebuilder::http
