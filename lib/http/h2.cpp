// SPDX-License-Identifier: Apache-2.0
#include "http/h2.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "http/h2_frame.h"
#include "http/h2_head.h"

namespace rebuilder::http {

using At = Http2Connection::At;

struct Http2::Feed {
    Bytes rest;
    std::uint32_t table_bytes;
    std::uint64_t now_ns;
    Progress progress{Verdict::need_more};

    // The next bytes, at most `size`.
    Bytes take(std::size_t size) noexcept {
        const Bytes taken = rest.first(std::min(size, rest.size()));
        rest = rest.subspan(taken.size());
        return taken;
    }
    bool fail(Counter reason, Counter requests = Counter::requests_lost_http2_broken) noexcept {
        progress = {.verdict = Verdict::failed, .reason = reason, .requests = requests};
        return false;
    }
    bool complete(Message& message) noexcept {
        progress = {.verdict = Verdict::complete, .message = &message};
        return false;
    }
};

Http2::Http2(const Limits& limits, MessagePool& pool, Counters& counters)
    : limits_(limits)
    , pool_(pool)
    , counters_(counters)
    , blocks_((sizeof(Block) + sizeof(Http2Connection) + 63) / 64 * 64, limits.h2_connections)
    , hpack_(limits.h2_connections, limits.h2_large_tables, limits.max_head - longest_hpack_integer) {}

// ---- connections -----------------------------------------------------------------------------------------

Http2Connection* Http2::open(
    Stream& owner, std::size_t preface_seen, std::uint32_t last_stream, std::uint64_t now_ns) noexcept {
    Block* const block = blocks_.take();
    if (block == nullptr) return nullptr;
    auto& c = *new (block->data()) Http2Connection;  // not zeroed: what lists the streams is most of it
    if (!c.hpack.open(hpack_)) {
        blocks_.give(block);
        return nullptr;
    }
    c.owner = &owner;
    c.progress_ns = now_ns;
    connections_.enter(c);
    c.at = At::preface;
    c.head_size = static_cast<std::uint8_t>(preface_seen);
    c.block_stream = 0;
    c.reading = nullptr;
    c.partial = nullptr;
    c.last_stream = last_stream;
    c.settings_acks = 0;
    c.resets_paid_ns = 0;
    c.open = 0;
    return &c;
}

void Http2::close(Http2Connection& c, Counter reason) noexcept {
    if (c.reading != nullptr) lose(c, *c.reading, reason);
    while (c.open != 0) lose(c, *c.messages[0], reason);
    pool_.drop(c.partial);
    c.hpack.close(hpack_);
    connections_.leave(c);
    blocks_.give(reinterpret_cast<Block*>(&c) - 1);
}

Http2::Progress Http2::advance(
    Http2Connection& c, Bytes bytes, std::uint32_t table_bytes, std::uint64_t now_ns) noexcept {
    Feed feed{bytes, table_bytes, now_ns};
    c.progress_ns = now_ns;
    bool next = true;
    while (next) {
        switch (c.at) {
        case At::preface: next = read_preface(c, feed); break;
        case At::frame_head: next = read_frame_head(c, feed); break;
        case At::pad_length: next = read_pad_length(c, feed); break;
        case At::block: next = read_block(c, feed); break;
        case At::data: next = read_data(c, feed); break;
        case At::skip: next = skip_payload(c, feed); break;
        }
    }
    feed.progress.used = bytes.size() - feed.rest.size();
    return feed.progress;
}

bool Http2::skip(Http2Connection& c, std::uint64_t bytes) noexcept {
    const bool payload = c.at == At::data || c.at == At::skip;
    if (!payload || bytes > std::uint64_t{c.left} + c.padding) return false;
    if (c.at == At::data) {
        if (Message* message = find(c, c.stream_id)) lose(c, *message, Counter::requests_lost_to_gap);
    }
    pass(c, static_cast<std::uint32_t>(bytes));
    return true;
}

// ---- frames (section 4) ------------------------------------------------------------------------------------

bool Http2::read_preface(Http2Connection& c, Feed& feed) noexcept {
    const Bytes bytes = feed.take(http2_preface.size() - c.head_size);
    if (as_text(bytes) != http2_preface.substr(c.head_size, bytes.size())) {
        return feed.fail(Counter::http2_lost_framing);
    }
    c.head_size = static_cast<std::uint8_t>(c.head_size + bytes.size());
    if (c.head_size != http2_preface.size()) return false;
    c.head_size = 0;
    c.at = At::frame_head;
    return true;
}

bool Http2::read_frame_head(Http2Connection& c, Feed& feed) noexcept {
    if (c.head_size == 0) c.frame_ns = feed.now_ns;
    const Bytes bytes = feed.take(c.head.size() - c.head_size);
    std::copy(bytes.begin(), bytes.end(), c.head.begin() + c.head_size);
    c.head_size = static_cast<std::uint8_t>(c.head_size + bytes.size());
    if (c.head_size != c.head.size()) return false;
    c.head_size = 0;
    const FrameHead head(c.head.data());
    c.left = head.size;
    c.type = head.type;
    c.flags = head.flags;
    c.stream_id = head.stream_id;
    c.padding = 0;
    return begin_frame(c, feed);
}

bool Http2::begin_frame(Http2Connection& c, Feed& feed) noexcept {
    const bool continues = c.type == frame_type::continuation;
    if ((c.block_stream != 0) != continues || (continues && c.block_stream != c.stream_id)) {
        return feed.fail(Counter::http2_lost_framing);  // section 6.10
    }
    if (c.type == frame_type::headers && c.stream_id == 0) return feed.fail(Counter::http2_lost_framing);
    c.at = At::skip;
    switch (c.type) {
    case frame_type::headers:
        begin_headers(c, feed);
        c.at = At::block;
        break;
    case frame_type::continuation:
        if (++c.continuations > limits_.h2_continuations && c.reading != nullptr) {
            lose(c, *c.reading, Counter::requests_lost_continuations);
        }
        c.at = At::block;
        return true;
    case frame_type::data: c.at = At::data; break;
    case frame_type::rst_stream: on_reset(c, feed.now_ns); return true;
    case frame_type::settings:
        if ((c.flags & frame_flag::ack) != 0) on_settings_ack(c, feed.table_bytes);
        return true;
    case frame_type::push_promise: return feed.fail(Counter::http2_lost_framing);  // it holds a header block
    default: return true;
    }
    // HEADERS and DATA. What stands in front of the block is as much as 6 bytes: the padding's size and the priority.
    if ((c.flags & frame_flag::padded) != 0) {
        c.at = At::pad_length;
    } else if (c.type == frame_type::headers && (c.flags & frame_flag::priority) != 0) {
        c.head_size = priority_size;
    }
    const std::uint32_t in_front = c.head_size + (c.at == At::pad_length ? 1u : 0u);
    return c.left >= in_front || bad_padding(c, feed);
}

bool Http2::read_pad_length(Http2Connection& c, Feed& feed) noexcept {
    const Bytes byte = feed.take(1);
    if (byte.empty()) return false;
    const bool headers = c.type == frame_type::headers;
    c.head_size = headers && (c.flags & frame_flag::priority) != 0 ? priority_size : 0;
    c.padding = byte[0];
    c.left -= 1;
    if (c.left < std::uint32_t{c.padding} + c.head_size) return bad_padding(c, feed);
    c.left -= c.padding;
    c.at = headers ? At::block : At::data;
    return true;
}

// There can't be so much. Of a header block nobody knows then where it ends; of DATA it matters to its stream only, and
// servers don't even look where that is closed.
bool Http2::bad_padding(Http2Connection& c, Feed& feed) noexcept {
    if (c.type == frame_type::headers) return feed.fail(Counter::http2_lost_framing);
    if (Message* message = find(c, c.stream_id)) lose(c, *message, Counter::requests_lost_http2_malformed);
    c.padding = 0;
    c.at = At::skip;
    return true;
}

bool Http2::skip_payload(Http2Connection& c, Feed& feed) noexcept {
    pass(c, static_cast<std::uint32_t>(feed.take(std::size_t{c.left} + c.padding).size()));
    return c.at == At::frame_head;
}

// So many bytes of the payload, then of its padding, are behind us.
void Http2::pass(Http2Connection& c, std::uint32_t bytes) noexcept {
    const std::uint32_t of_payload = std::min(c.left, bytes);
    c.left -= of_payload;
    c.padding = static_cast<std::uint8_t>(c.padding - (bytes - of_payload));
    if (c.left == 0) end_payload(c);
}

void Http2::end_payload(Http2Connection& c) noexcept {
    c.at = c.padding != 0 ? At::skip : At::frame_head;
}

// Of which settings the client acknowledges, only the first are known.
void Http2::on_settings_ack(Http2Connection& c, std::uint32_t table_bytes) noexcept {
    c.hpack.allow(++c.settings_acks == 1 ? table_bytes : most_table_bytes);
}

bool Http2::read_data(Http2Connection& c, Feed& feed) noexcept {
    const Bytes bytes = feed.take(c.left);
    c.left -= static_cast<std::uint32_t>(bytes.size());
    Message* const message = find(c, c.stream_id);
    if (message == nullptr) {
        counters_.add(Counter::http2_ignored_data_bytes, bytes.size());
    } else {
        pool_.take_body(*message, bytes);
        message->progress_ns = feed.now_ns;
    }
    const bool ends = c.left == 0;
    const bool whole = ends && (c.flags & frame_flag::end_stream) != 0;
    if (ends) end_payload(c);
    if (message != nullptr) {
        // The end of a whole body may stay where it is; all else has to outlive these bytes.
        if (!message->lost && !whole && !pool_.keep_body(*message)) message->lost = Counter::requests_lost_no_memory;
        if (message->lost) {
            lose(c, *message, *message->lost);
        } else if (whole) {
            forget(c, *message);
            return feed.complete(*message);
        }
    }
    return ends;
}

// ---- header blocks (section 4.3) ------------------------------------------------------------------------------

void Http2::begin_headers(Http2Connection& c, const Feed& feed) noexcept {
    c.block_stream = c.stream_id;
    c.block_ends_stream = (c.flags & frame_flag::end_stream) != 0;
    c.continuations = 0;
    c.needed = 0;
    c.hpack.begin_block();
    c.reading = nullptr;
    if (c.stream_id % 2 == 1 && c.stream_id > c.last_stream) {
        c.last_stream = c.stream_id;
        c.reading = begin_request(c, feed);
    } else if (Message* message = find(c, c.stream_id)) {
        message->stage = Stage::h2_trailers;
        c.reading = message;
    } else {
        counters_.add(Counter::http2_stray_headers);
    }
}

bool Http2::read_block(Http2Connection& c, Feed& feed) noexcept {
    if (c.head_size != 0) {  // the priority
        const std::size_t skipped = feed.take(c.head_size).size();
        c.head_size = static_cast<std::uint8_t>(c.head_size - skipped);
        c.left -= static_cast<std::uint32_t>(skipped);
        if (c.head_size != 0) return false;
    }
    Bytes bytes = feed.take(c.left);
    c.left -= static_cast<std::uint32_t>(bytes.size());
    while (!bytes.empty()) {
        if (c.partial == nullptr && !decode(c, feed, bytes)) return false;
        if (!bytes.empty() && !piece_together(c, feed, bytes)) return false;
    }
    if (c.left != 0) return false;
    end_payload(c);
    return (c.flags & frame_flag::end_headers) != 0 ? end_block(c, feed) : true;
}

// A field that isn't whole goes into a block of its own, until it is.
bool Http2::piece_together(Http2Connection& c, Feed& feed, Bytes& bytes) noexcept {
    const std::uint32_t kept = c.partial != nullptr ? c.partial->size : 0;
    const Bytes part = bytes.first(std::min<std::size_t>(bytes.size(), c.needed - kept));
    if (!pool_.make_room(c.partial, kept, part.size())) {
        return feed.fail(Counter::http2_lost_no_memory, Counter::requests_lost_no_memory);
    }
    std::memcpy(c.partial->data() + kept, part.data(), part.size());
    c.partial->size = kept + static_cast<std::uint32_t>(part.size());
    bytes = bytes.subspan(part.size());
    if (c.partial->size != c.needed) return true;
    Bytes rest = c.partial->bytes();
    if (!decode(c, feed, rest)) return false;
    if (rest.empty()) pool_.drop(c.partial);
    return true;
}

// Takes the whole fields off the front of `rest`.
bool Http2::decode(Http2Connection& c, Feed& feed, Bytes& rest) noexcept {
    for (;;) {
        const HpackDecoder::Step step = c.hpack.next(rest, hpack_);
        rest = rest.subspan(step.used);
        switch (step.found) {
        case HpackDecoder::Found::field:
            if (c.reading == nullptr) break;
            if (const auto why_not = add_h2_field(*c.reading, step.field, limits_, pool_)) {
                lose(c, *c.reading, *why_not);
            }
            break;
        case HpackDecoder::Found::end: c.needed = 0; return true;
        case HpackDecoder::Found::need_more: c.needed = static_cast<std::uint32_t>(step.needed); return true;
        case HpackDecoder::Found::malformed: return feed.fail(Counter::http2_lost_compression);
        case HpackDecoder::Found::too_large:
            if (c.reading != nullptr) lose(c, *c.reading, Counter::requests_lost_head_too_large);
            break;
        case HpackDecoder::Found::lost:
            return feed.fail(Counter::http2_lost_compression, Counter::requests_lost_head_too_large);
        case HpackDecoder::Found::no_memory:
            return feed.fail(Counter::http2_lost_no_memory, Counter::requests_lost_no_memory);
        }
    }
}

bool Http2::end_block(Http2Connection& c, Feed& feed) noexcept {
    if (c.partial != nullptr || c.hpack.in_field()) return feed.fail(Counter::http2_lost_compression);
    c.block_stream = 0;
    if (c.reading == nullptr) return true;
    Message& message = *c.reading;
    c.reading = nullptr;
    std::optional<Counter> why_not;
    const bool trailers = message.stage == Stage::h2_trailers;
    if (trailers) {
        forget(c, message);
        if (!c.block_ends_stream) why_not = Counter::requests_lost_http2_malformed;  // section 8.1
    } else {
        why_not = end_h2_head(message, c.block_ends_stream, limits_, pool_);
    }
    if (!why_not && !c.block_ends_stream && !message.tunnel && c.open == max_open_streams) {
        why_not = Counter::requests_lost_refused;
    }
    if (why_not) {
        lose(c, message, *why_not);
        return true;
    }
    if (message.tunnel) counters_.add(Counter::http2_tunnels);
    if (c.block_ends_stream || message.tunnel) return feed.complete(message);
    c.ids[c.open] = message.stream_id;
    c.messages[c.open++] = &message;
    pool_.wait(message, *c.owner, feed.now_ns);
    return true;
}

// ---- streams (section 5) ----------------------------------------------------------------------------------------

Message* Http2::begin_request(Http2Connection& c, const Feed& feed) noexcept {
    counters_.add(Counter::requests_started);
    if (c.resets_paid_ns + limits_.h2_reset_ns > feed.now_ns + limits_.h2_reset_burst * limits_.h2_reset_ns) {
        counters_.add(Counter::requests_lost_reset_flood);
        return nullptr;
    }
    Message* const message = pool_.take(c.frame_ns);
    if (message == nullptr) {
        counters_.add(Counter::requests_lost_no_memory);
        return nullptr;
    }
    message->stage = Stage::h2_head;
    message->stream_id = c.stream_id;
    message->counted = true;
    return message;
}

void Http2::on_reset(Http2Connection& c, std::uint64_t now_ns) noexcept {
    if (c.stream_id == 0 || c.stream_id > c.last_stream) return;
    const std::uint64_t most = now_ns + limits_.h2_reset_burst * limits_.h2_reset_ns;
    c.resets_paid_ns = std::min(std::max(c.resets_paid_ns, now_ns) + limits_.h2_reset_ns, most);
    if (Message* message = find(c, c.stream_id)) lose(c, *message, Counter::requests_lost_cancelled);
}

Message* Http2::find(const Http2Connection& c, std::uint32_t stream_id) noexcept {
    const auto begin = c.ids.begin();
    const auto end = begin + c.open;
    const auto found = std::find(begin, end, stream_id);
    return found != end ? c.messages[static_cast<std::size_t>(found - begin)] : nullptr;
}

void Http2::forget(Http2Connection& c, const Message& message) noexcept {
    const auto begin = c.ids.begin();
    const auto at = static_cast<std::size_t>(std::find(begin, begin + c.open, message.stream_id) - begin);
    if (at == c.open) return;
    --c.open;
    c.ids[at] = c.ids[c.open];
    c.messages[at] = c.messages[c.open];
}

Message* Http2::take_whole(Http2Connection& c, bool closed) noexcept {
    for (std::uint32_t i = 0; i < c.open; ++i) {
        Message& message = *c.messages[i];
        if (message.stage != Stage::h2_data) continue;
        const std::string_view method(message.text(), message.method_size);
        const bool no_data = message.body_full == 0 && (method == "GET" || method == "HEAD");
        const bool whole = message.length_said ? message.body_left == message.body_full : closed && no_data;
        if (!whole) continue;
        forget(c, message);
        return &message;
    }
    return nullptr;
}

void Http2::lose(Http2Connection& c, Message& message, Counter reason) noexcept {
    counters_.add(reason);
    forget(c, message);
    if (c.reading == &message) c.reading = nullptr;
    pool_.give(&message);
}

}  // namespace rebuilder::http
