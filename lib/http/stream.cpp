// SPDX-License-Identifier: Apache-2.0
#include "http/stream.h"

#include <algorithm>
#include <cstring>
#include <span>

namespace rebuilder::http {

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
            stream.mode = Stream::Mode::resync;
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
        return not_http1(stream, Protocol::unknown) == Appetite::more;
    case ProxyHeader::Verdict::yes: {
        counters_.add(Counter::proxy_headers);
        stream.proxied = header.has_client;
        stream.client = header.client.address;
        drop_message(stream);
        const std::size_t passed = std::min(bytes.size(), header.size - before);
        stream.proxy_left = static_cast<std::uint32_t>(header.size - before - passed);
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
        lose(owner, Counter::requests_lost_no_memory);
        owner.from_start = false;
        owner.proxy_left = 0;
        if (owner.mode != Stream::Mode::tunnel) owner.mode = Stream::Mode::resync;
    }
}

bool HttpStage::begin_message(Stream& stream, const StreamChunk& chunk, Bytes bytes) noexcept {
    const bool searching = stream.mode == Stream::Mode::resync || stream.mode == Stream::Mode::tunnel;
    if (searching) {
        const bool at_start = chunk.segment_start && chunk.data.data() == bytes.data();
        if (!at_start || !begins_like_request(bytes)) {
            if (!stream.http1 && !stream.classified) (void)not_http1(stream, detect(bytes));
            return false;
        }
    }
    stream.message = messages_.take(chunk.time_ns);
    if (stream.message != nullptr) {
        stream.message->from_start = stream.from_start && !searching;
        return true;
    }
    if (stream.mode == Stream::Mode::synced || begins_like_request(bytes)) {
        counters_.add(Counter::requests_started);
        counters_.add(Counter::requests_lost_no_memory);
    }
    if (!searching) stream.mode = Stream::Mode::resync;
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

Appetite HttpStage::finish(Stream& stream) noexcept {
    Message& message = *stream.message;
    const bool simple = message.version_size == 0;
    if (message.lost) {
        counters_.add(*message.lost);
    } else {
        counters_.add(Counter::requests_rebuilt);
        counters_.add(Counter::request_body_bytes, message.body_full);
        counters_.add(Counter::request_trailers, message.field_count - message.header_count);
        if (message.body_full != message.body_size) counters_.add(Counter::requests_truncated);
        if (!message.canonical_lines) {
            const auto headers = std::span(message.fields).first(message.header_count);
            counters_.add(Counter::request_fields_unsendable,
                static_cast<std::uint64_t>(std::count_if(
                    headers.begin(), headers.end(), [](const Field& field) { return field.unsendable != 0; })));
        }
    }
    if (message.tunnel) {
        counters_.add(Counter::streams_tunnel);
        stream.mode = Stream::Mode::tunnel;
    }
    drop_message(stream);
    return simple ? Appetite::nothing : Appetite::more;  // the answer to a simple request ends the connection
}

// Some other protocol, or none that we know. Which must not depend on where the bytes were split.
Appetite HttpStage::look_further(Stream& stream, const StreamChunk& chunk, std::size_t kept, Bytes bytes) noexcept {
    Message& message = *stream.message;
    stream.mode = Stream::Mode::detect;
    const std::size_t left = enough_to_detect - std::min(kept, enough_to_detect);
    const Bytes part = bytes.first(std::min(bytes.size(), left));
    message.text_size = static_cast<std::uint32_t>(kept);
    const auto keep = [&] { return messages_.keep(message, as_text(part).data(), part.size()); };
    if (kept != 0 && !keep()) return not_http1(stream, Protocol::unknown);
    const Protocol protocol = detect(kept != 0 ? as_bytes({message.text(), message.text_size}) : bytes);
    const bool may_tell = protocol == Protocol::undecided && part.size() < left;
    if (!may_tell || (kept == 0 && !keep())) return not_http1(stream, protocol);
    stream.mode = Stream::Mode::other;
    messages_.wait(message, stream, chunk.time_ns);
    return Appetite::more;
}

Appetite HttpStage::give_up(Stream& stream, const Http1::Progress& failure, Bytes first) noexcept {
    if (stream.mode == Stream::Mode::detect && begins_like_request(first)) stream.mode = Stream::Mode::synced;
    lose(stream, failure.reason);
    if (failure.ambiguous && stream.from_start) return Appetite::nothing;
    if (stream.mode != Stream::Mode::tunnel) stream.mode = Stream::Mode::resync;
    return Appetite::more;
}

Appetite HttpStage::not_http1(Stream& stream, Protocol protocol) noexcept {
    drop_message(stream);
    if (!stream.http1 && !stream.classified) {
        stream.classified = true;
        switch (protocol) {
        case Protocol::http1_response: counters_.add(Counter::streams_http1_responses); break;
        case Protocol::http2: counters_.add(Counter::streams_http2); break;
        case Protocol::tls: counters_.add(Counter::streams_tls); break;
        case Protocol::ssh: counters_.add(Counter::streams_ssh); break;
        case Protocol::redis: counters_.add(Counter::streams_redis); break;
        case Protocol::mysql: counters_.add(Counter::streams_mysql); break;
        case Protocol::postgresql: counters_.add(Counter::streams_postgresql); break;
        case Protocol::smtp: counters_.add(Counter::streams_smtp); break;
        case Protocol::undecided:
        case Protocol::http1:
        case Protocol::unknown: counters_.add(Counter::streams_unknown); break;
        }
    }
    // Only a stream seen from its beginning is known by its first bytes; any other may yet show a request line.
    return stream.mode == Stream::Mode::detect ? Appetite::nothing : Appetite::more;
}

void HttpStage::gap(Stream& stream, std::uint64_t bytes) noexcept {
    if (bytes <= stream.proxy_left) {
        stream.proxy_left -= static_cast<std::uint32_t>(bytes);
        return;
    }
    stream.proxy_left = 0;
    if (stream.message != nullptr) {
        if (h1_.skip(*stream.message, bytes)) {
            if (stream.message->at_end()) finish(stream);
            return;
        }
        lose(stream, Counter::requests_lost_to_gap);
    }
    stream.from_start = false;
    if (stream.mode != Stream::Mode::tunnel) stream.mode = Stream::Mode::resync;
}

void HttpStage::close(Stream& stream, tcp::CloseReason reason) noexcept {
    if (stream.message != nullptr) {
        if (!stream.http1 && !stream.classified && !stream.message->counted) counters_.add(Counter::streams_unknown);
        switch (reason) {
        case tcp::CloseReason::ended: lose(stream, Counter::requests_lost_to_close); break;
        case tcp::CloseReason::idle: lose(stream, Counter::requests_lost_to_idle); break;
        case tcp::CloseReason::evicted: lose(stream, Counter::requests_lost_to_eviction); break;
        case tcp::CloseReason::drained: lose(stream, Counter::requests_lost_to_drain); break;
        }
    }
    stream = Stream{};
}

}  // namespace rebuilder::http
