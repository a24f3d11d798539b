// SPDX-License-Identifier: Apache-2.0
#include "http/stream.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "http/h2_frame.h"

namespace rebuilder::http {
namespace {

Counter loss_of(tcp::CloseReason reason) noexcept {
    switch (reason) {
    case tcp::CloseReason::ended: return Counter::requests_lost_to_close;
    case tcp::CloseReason::idle: return Counter::requests_lost_to_idle;
    case tcp::CloseReason::evicted: return Counter::requests_lost_to_eviction;
    case tcp::CloseReason::drained: break;
    }
    return Counter::requests_lost_to_drain;
}

// What a whole SETTINGS frame says of it (RFC 9113, section 6.5.2).
std::uint32_t header_table_size(Bytes frame) noexcept {
    std::uint32_t size = usual_table_bytes;
    Cursor cursor(frame);
    cursor.limit(frame_head_size + FrameHead(frame.data()).size);
    (void)cursor.take(frame_head_size);
    while (const std::uint8_t* setting = cursor.take(setting_size)) {
        if (load_be16(setting) == settings_header_table_size) size = load_be32(setting + 2);
    }
    return size;
}

}  // namespace

void HttpStage::open(Stream& stream, const StreamChunk& chunk) noexcept {
    stream = Stream{};
    stream.from_start = !chunk.midstream;
    if (chunk.midstream) stream.mode = Stream::Mode::resync;
}

bool HttpStage::pass_proxy_header(Stream& stream, const StreamChunk& chunk, Bytes& bytes) noexcept {
    // The usual stream has no header, or has it in one piece. One that is split is kept until it tells what it is.
    const std::size_t before = stream.message != nullptr ? stream.message->text_size : 0;
    const Bytes part = bytes.first(std::min(bytes.size(), longest_proxy_line - before));
    ProxyHeader header = parse_proxy_header(bytes);
    if (before != 0 || header.verdict == ProxyHeader::Verdict::need_more) {
        if (stream.message == nullptr) stream.message = messages_.take(chunk.time_ns);
        if (stream.message == nullptr || !messages_.keep(*stream.message, as_text(part).data(), part.size())) {
            drop_message(stream);
            lose_track(stream);
            bytes = {};
            return true;
        }
        stream.message->stage = Stage::proxy;
        header = parse_proxy_header(as_bytes({stream.message->text(), stream.message->text_size}));
    }
    switch (header.verdict) {
    case ProxyHeader::Verdict::need_more:
        messages_.wait(*stream.message, stream, chunk.time_ns);
        bytes = {};
        return true;
    case ProxyHeader::Verdict::malformed:
        counters_.add(Counter::proxy_headers_malformed);
        stream.mode = Stream::Mode::detect;
        return not_http1(stream, Protocol::unknown, bytes) == Appetite::more;
    case ProxyHeader::Verdict::yes: {
        counters_.add(Counter::proxy_headers);
        stream.proxied = header.has_client;
        stream.client = header.client.address;
        drop_message(stream);
        const std::size_t passed = std::min(bytes.size(), header.size - before);
        stream.proxy_left = static_cast<std::uint16_t>(header.size - before - passed);
        bytes = bytes.subspan(passed);
        break;
    }
    case ProxyHeader::Verdict::no:
        if (before != 0) begin_with_kept(stream, before);
        break;
    }
    stream.mode = Stream::Mode::detect;
    return true;
}

// What was kept for a header's sake, of which `size` bytes came before this segment, is the front of something else.
void HttpStage::begin_with_kept(Stream& stream, std::size_t size) noexcept {
    Message& message = *stream.message;
    const std::string_view kept(message.text(), size);
    const std::size_t empty_lines = std::min(kept.find_first_not_of("\r\n"), size);
    if (empty_lines == size) return drop_message(stream);
    std::memmove(message.kept_block->data(), message.kept_block->data() + empty_lines, size - empty_lines);
    message.text_size = static_cast<std::uint32_t>(size - empty_lines);
    message.stage = Stage::line;
    message.from_start = true;
}

void HttpStage::drop_message(Stream& stream) noexcept {
    if (stream.message == nullptr) return;
    messages_.give(stream.message);
    stream.message = nullptr;
}

// The requests that have waited longest for their next bytes go, so that those that come find room: who sends slowly
// is not to keep out who doesn't.
void HttpStage::make_room(const Stream& stream) noexcept {
    constexpr int most_at_once = 4;
    for (int i = 0; i < most_at_once && messages_.scarce(stream.message == nullptr); ++i) {
        Message* stalest = messages_.stalest();
        if (stalest == nullptr || stalest == stream.message) return;
        Stream& owner = *stalest->owner;
        if (owner.mode == Stream::Mode::http2) {
            h2_.lose(*owner.http2, *stalest, Counter::requests_lost_no_memory);
            continue;
        }
        lose(owner, Counter::requests_lost_no_memory);
        lose_track(owner);
        owner.proxy_left = 0;
    }
}

bool HttpStage::begin_message(Stream& stream, const StreamChunk& chunk, Bytes bytes) noexcept {
    const bool unsure = stream.mode == Stream::Mode::resync || stream.mode == Stream::Mode::tunnel;
    const bool searching = unsure && !stream.tunnel_begins;
    if (unsure) {
        const bool at_start = chunk.segment_start && chunk.data.data() == bytes.data();
        if ((at_start || !searching) && detect(bytes) == Protocol::http2) {
            begin_http2(stream, 0, chunk.time_ns);
            return false;
        }
        stream.tunnel_begins = false;
        if (searching && (!at_start || !begins_like_request(bytes))) {
            if (stream.http1 || stream.classified) return false;
            const bool frames = at_start && looks_like_http2(bytes);
            (void)not_http1(stream, frames ? Protocol::http2_frames : detect(bytes), bytes);
            if (frames) stream.mode = Stream::Mode::ignored;
            return false;
        }
        if (searching) stream.from_start = false;
    }
    stream.message = messages_.take(chunk.time_ns);
    if (stream.message != nullptr) {
        stream.message->from_start = stream.from_start && !unsure;
        return true;
    }
    if (stream.mode == Stream::Mode::synced || begins_like_request(bytes)) {
        counters_.add(Counter::requests_started);
        counters_.add(Counter::requests_lost_no_memory);
    }
    lose_track(stream);
    return false;
}

// The request line is whole.
void HttpStage::recognise(Stream& stream) noexcept {
    Message& message = *stream.message;
    if (message.counted) return;
    message.counted = true;
    counters_.add(Counter::requests_started);
    if (stream.mode == Stream::Mode::resync) counters_.add(Counter::streams_resynced);
    if (!stream.http1) counters_.add(Counter::streams_http1);
    stream.http1 = true;
    stream.mode = Stream::Mode::synced;
}

void HttpStage::lose(Stream& stream, Counter reason) noexcept {
    Message& message = *stream.message;
    if (message.counted || stream.mode == Stream::Mode::synced) {
        if (!message.counted) counters_.add(Counter::requests_started);
        counters_.add(message.lost.value_or(reason));
    }
    drop_message(stream);
}

// Where the next request begins isn't known any more.
void HttpStage::lose_track(Stream& stream) noexcept {
    stream.from_start = stream.tunnel_begins = false;
    if (stream.mode != Stream::Mode::tunnel) stream.mode = Stream::Mode::resync;
}

Appetite HttpStage::finish(Stream& stream) noexcept {
    Message& message = *stream.message;
    const bool simple = message.version_size == 0;
    if (message.lost) {
        counters_.add(*message.lost);
    } else {
        count_rebuilt(message);
    }
    stream.h2c = message.h2c;
    if (message.h2c) {
        stream.mode = Stream::Mode::detect;  // HTTP/2, or HTTP/1 if the server refused
    } else if (message.tunnel) {
        counters_.add(Counter::streams_tunnel);
        stream.mode = Stream::Mode::tunnel;
        stream.tunnel_begins = true;
    }
    drop_message(stream);
    return simple ? Appetite::nothing : Appetite::more;  // the answer to a simple request ends the connection
}

void HttpStage::count_rebuilt(const Message& message) noexcept {
    counters_.add(Counter::requests_rebuilt);
    counters_.add(Counter::request_body_bytes, message.body_full);
    counters_.add(Counter::request_trailers, message.field_count - message.header_count);
    if (message.body_full != message.body_size) counters_.add(Counter::requests_truncated);
    if (!message.canonical_lines) {
        const auto headers = std::span(message.fields).first(message.header_count);
        counters_.add(
            Counter::request_fields_unsendable, static_cast<std::uint64_t>(std::count_if(headers.begin(), headers.end(),
                                                    [](const Field& field) { return field.unsendable != 0; })));
    }
}

// ---- HTTP/2 ----------------------------------------------------------------------------------------------

void HttpStage::begin_http2(Stream& stream, std::size_t seen, std::uint64_t now_ns) noexcept {
    drop_message(stream);
    counters_.add(Counter::streams_http2);
    if (stream.h2c) counters_.add(Counter::http2_upgrades);
    stream.classified = true;
    const std::uint32_t last_stream = stream.h2c ? 1 : 0;  // the request that asked for it (RFC 7540, section 3.2)
    stream.http2 = h2_.open(stream, seen, last_stream, now_ns);
    if (stream.http2 == nullptr) {
        if (Http2Connection* stalest = h2_.stalest()) {
            (void)leave_http2(*stalest->owner, Counter::http2_lost_no_memory, Counter::requests_lost_no_memory);
            stream.http2 = h2_.open(stream, seen, last_stream, now_ns);
        }
    }
    stream.mode = stream.http2 != nullptr ? Stream::Mode::http2 : Stream::Mode::ignored;
    if (stream.http2 == nullptr) counters_.add(Counter::http2_lost_no_memory);
}

Appetite HttpStage::leave_http2(Stream& stream, Counter reason, Counter requests) noexcept {
    counters_.add(reason);
    h2_.close(*stream.http2, requests);
    stream.http2 = nullptr;
    stream.mode = Stream::Mode::ignored;
    return Appetite::nothing;
}

void HttpStage::finish_http2(Message& message) noexcept {
    count_rebuilt(message);
    if (message.length_said && message.body_left != message.body_full) {
        counters_.add(Counter::http2_length_mismatches);
    }
    messages_.give(&message);
}

// ---- other protocols -------------------------------------------------------------------------------------

// Some other protocol, or none that we know. Which must not depend on where the bytes were split.
Appetite HttpStage::look_further(
    Stream& stream, const StreamChunk& chunk, std::size_t kept, Bytes bytes, bool too_long) noexcept {
    Message& message = *stream.message;
    stream.mode = Stream::Mode::detect;
    const std::size_t left = enough_to_detect - std::min(kept, enough_to_detect);
    const Bytes part = bytes.first(std::min(bytes.size(), left));
    message.text_size = static_cast<std::uint32_t>(kept);
    const auto keep = [&] { return messages_.keep(message, as_text(part).data(), part.size()); };
    if (kept != 0 && !keep()) return not_http1(stream, Protocol::unknown, bytes);
    const Bytes first = kept != 0 ? as_bytes({message.text(), message.text_size}) : bytes;
    if (too_long && begins_like_request(first)) {
        return give_up(stream, {Http1::Verdict::failed, 0, Counter::requests_lost_head_too_large}, first);
    }
    const Protocol protocol = detect(first);
    const bool may_tell = protocol == Protocol::undecided && part.size() < left;
    if (!may_tell || (kept == 0 && !keep())) return not_http1(stream, protocol, first);
    stream.mode = Stream::Mode::other;
    messages_.wait(message, stream, chunk.time_ns);
    return Appetite::more;
}

Appetite HttpStage::give_up(Stream& stream, const Http1::Progress& failure, Bytes first) noexcept {
    if (stream.mode == Stream::Mode::detect && begins_like_request(first)) stream.mode = Stream::Mode::synced;
    lose(stream, failure.reason);
    if (failure.ambiguous && stream.from_start) return Appetite::nothing;
    lose_track(stream);
    return Appetite::more;
}

// `first` are the bytes that tell.
Appetite HttpStage::not_http1(Stream& stream, Protocol protocol, Bytes first) noexcept {
    if (stream.h2c) counters_.add(Counter::streams_tunnel);  // another protocol was offered, too, and taken
    if (protocol == Protocol::http2_response) stream.table_bytes = header_table_size(first);
    drop_message(stream);
    if (!stream.http1 && !stream.classified) {
        stream.classified = true;
        switch (protocol) {
        case Protocol::http1_response: counters_.add(Counter::streams_http1_responses); break;
        case Protocol::http2_response: counters_.add(Counter::streams_http2_responses); break;
        case Protocol::http2_frames: counters_.add(Counter::streams_http2_midstream); break;
        case Protocol::tls: counters_.add(Counter::streams_tls); break;
        case Protocol::ssh: counters_.add(Counter::streams_ssh); break;
        case Protocol::redis: counters_.add(Counter::streams_redis); break;
        case Protocol::mysql: counters_.add(Counter::streams_mysql); break;
        case Protocol::postgresql: counters_.add(Counter::streams_postgresql); break;
        case Protocol::smtp: counters_.add(Counter::streams_smtp); break;
        case Protocol::undecided:
        case Protocol::http1:
        case Protocol::http2:
        case Protocol::unknown: counters_.add(Counter::streams_unknown); break;
        }
    }
    // Only a stream seen from its beginning is known by its first bytes; any other may yet show a request line.
    return stream.mode == Stream::Mode::detect ? Appetite::nothing : Appetite::more;
}

Appetite HttpStage::http1_gap(Stream& stream, std::uint64_t bytes) noexcept {
    if (bytes <= stream.proxy_left) {
        stream.proxy_left = static_cast<std::uint16_t>(stream.proxy_left - bytes);
        return Appetite::more;
    }
    stream.proxy_left = 0;
    if (stream.message != nullptr) {
        if (h1_.skip(*stream.message, bytes)) {
            if (stream.message->at_end()) finish(stream);
            return Appetite::more;
        }
        lose(stream, Counter::requests_lost_to_gap);
    }
    lose_track(stream);
    return Appetite::more;
}

void HttpStage::forget(Stream& stream, tcp::CloseReason reason) noexcept {
    if (stream.mode == Stream::Mode::http2) h2_.close(*stream.http2, loss_of(reason));
    if (stream.message != nullptr) {
        if (!stream.http1 && !stream.classified && !stream.message->counted) counters_.add(Counter::streams_unknown);
        lose(stream, loss_of(reason));
    }
    stream = Stream{};
}

}  // namespace rebuilder::http
