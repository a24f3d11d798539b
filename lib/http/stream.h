// SPDX-License-Identifier: Apache-2.0
// HttpStage: what one direction of a connection says, as requests.
//
// In:    StreamChunks of one direction with its Stream, in order, from the reassembler.
// Out:   `sink(Request&)` for each whole request, before feed() returns; Appetite::nothing once the direction is
//        known to carry no requests.
//        HTTP/1 is Http1's to read, HTTP/2 is Http2's.
// Rules: a stream that begins with its SYN is recognised by its first bytes, behind a PROXY header if there is one. One that is joined in mid-stream, or that
//        lost its framing to a gap or to malformed bytes, is picked up at the next segment that begins with a request
//        line. A gap inside a body of known length, or inside the data of a chunk, costs that request only, as does a head
//        that is too large. No request is made across a hole. Behind bytes that two servers would frame in two ways, nothing
//        is a request for certain: a server answers 400 there and closes, so the rest of a stream that is known from its
//        first byte is left alone.
//        HTTP/2 begins with its preface: at the start, behind a request to go on with it, or where a segment of a stream
//        that isn't followed begins so. What comes behind CONNECT or Upgrade is a tunnel unless it begins with a request
//        line, right there or at a segment's start, or with that preface: servers pass over an Upgrade they don't know.
// Bytes: a request that fits its segment is read in place; else it is kept in the worker's pools. When these get scarce,
//        the request that has waited longest for its next bytes is given up.
// Every request line begun ends in exactly one counter: requests_rebuilt or a requests_lost_*.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/counters.h"
#include "http/detect.h"
#include "http/h1.h"
#include "http/h2.h"
#include "http/limits.h"
#include "http/message.h"
#include "http/proxy_protocol.h"
#include "http/request.h"
#include "tcp/stream.h"

namespace rebuilder::http {

using tcp::Appetite;
using tcp::StreamChunk;

// The state of one direction. Plain data, so that the flow table can hold it.
struct Stream {
    enum class Mode : std::uint8_t {
        start,    // nothing seen yet: a PROXY header may come first
        detect,   // nothing seen of what the stream carries, from here on
        other,    // it began with no request: kept until it tells what it is
        synced,   // an HTTP/1 stream, at or in a request
        resync,   // somewhere: wait for a segment that begins with a request line
        tunnel,   // behind CONNECT or Upgrade: probably another protocol, but the server may have refused
        http2,    // an HTTP/2 connection
        ignored,  // nothing more is wanted of it
    };

    Message* message = nullptr;                    // the request of HTTP/1 that is coming, if one is
    std::uint32_t table_bytes = most_table_bytes;  // the server's: how large it lets the header table of HTTP/2 be
    std::uint16_t proxy_left = 0;                  // bytes of a PROXY header still to come, which nobody has to see
    Mode mode = Mode::start;
    bool from_start : 1 =
        false;               // known without a hole from its first byte on, or from where its framing outlived the hole
    bool http1 : 1 = false;  // counted as HTTP/1
    bool classified : 1 = false;       // counted as something else
    bool proxied : 1 = false;          // a PROXY header said who the client is
    bool h2c : 1 = false;              // with Mode::detect: the last request asked to go on with HTTP/2
    bool tunnel_begins : 1 = false;    // with Mode::tunnel: its first byte is still to come
    Http2Connection* http2 = nullptr;  // with Mode::http2
    packet::IpAddress client;          // with `proxied`
};

class HttpStage {
  public:
    // `blocks` is the worker's own; it outlives the stage.
    HttpStage(const Limits& limits, BlockPool& blocks, Counters& counters)
        : counters_(counters)
        , messages_(limits, blocks)
        , h1_(limits, messages_)
        , h2_(limits, messages_, counters) {}

    // `peer` is the other direction of the same connection.
    template <class Sink>
    Appetite feed(Stream& stream, const Stream& peer, const StreamChunk& chunk, Sink&& sink) noexcept {
        switch (chunk.kind) {
        case StreamChunk::Kind::data: return data(stream, peer, chunk, sink);
        case StreamChunk::Kind::open: open(stream, chunk); break;
        case StreamChunk::Kind::gap: return gap(stream, chunk.gap_bytes, sink);
        case StreamChunk::Kind::close: close(stream, chunk.reason, sink); break;
        }
        return Appetite::more;
    }

    // What of the limits may change while it runs: see MessagePool.
    void adopt(const Limits& limits) noexcept { messages_.adopt(limits); }

    [[nodiscard]] std::size_t requests_in_assembly() const noexcept { return messages_.in_use(); }
    [[nodiscard]] std::size_t http2_connections() const noexcept { return h2_.connections(); }
    [[nodiscard]] std::size_t mapped_bytes() const noexcept { return messages_.mapped_bytes() + h2_.mapped_bytes(); }

  private:
    template <class Sink>
    Appetite data(Stream& stream, const Stream& peer, const StreamChunk& chunk, Sink& sink) noexcept;
    template <class Sink>
    Appetite http2_data(Stream& stream, const Stream& peer, const StreamChunk& chunk, Bytes bytes, Sink& sink) noexcept;
    template <class Sink>
    Appetite gap(Stream& stream, std::uint64_t bytes, Sink& sink) noexcept;

    void open(Stream& stream, const StreamChunk& chunk) noexcept;
    Appetite http1_gap(Stream& stream, std::uint64_t bytes) noexcept;
    template <class Sink>
    void close(Stream& stream, tcp::CloseReason reason, Sink& sink) noexcept;
    template <class Sink>
    void finish_whole(Http2Connection& connection, bool closed, Sink& sink) noexcept;
    void forget(Stream& stream, tcp::CloseReason reason) noexcept;

    // Takes a PROXY header off the front. False when the stream isn't worth looking at.
    [[nodiscard]] bool pass_proxy_header(Stream& stream, const StreamChunk& chunk, Bytes& bytes) noexcept;
    void begin_with_kept(Stream& stream, std::size_t size) noexcept;
    void drop_message(Stream& stream) noexcept;
    void make_room(const Stream& stream) noexcept;

    // At a request's first byte. False when the bytes aren't one, or there's no room for it.
    [[nodiscard]] bool begin_message(Stream& stream, const StreamChunk& chunk, Bytes bytes) noexcept;
    void recognise(Stream& stream) noexcept;
    // At the end of a first line that is none of a request, or `too_long` to be looked at whole; `kept` bytes of it came
    // before `bytes`.
    [[nodiscard]] Appetite look_further(
        Stream& stream, const StreamChunk& chunk, std::size_t kept, Bytes bytes, bool too_long = false) noexcept;
    // The message failed, or its bytes turned out to be something else.
    [[nodiscard]] Appetite give_up(Stream& stream, const Http1::Progress& failure, Bytes first) noexcept;
    [[nodiscard]] Appetite not_http1(Stream& stream, Protocol protocol, Bytes first) noexcept;
    void lose(Stream& stream, Counter reason) noexcept;
    static void lose_track(Stream& stream) noexcept;
    Appetite finish(Stream& stream) noexcept;
    void count_rebuilt(const Message& message) noexcept;

    // HTTP/2: its preface, of which `seen` bytes are behind the stream; its end.
    void begin_http2(Stream& stream, std::size_t seen, std::uint64_t now_ns) noexcept;
    Appetite leave_http2(Stream& stream, Counter reason, Counter requests) noexcept;
    void finish_http2(Message& message) noexcept;

    Counters& counters_;
    MessagePool messages_;
    Http1 h1_;
    Http2 h2_;
};

template <class Sink>
Appetite HttpStage::data(Stream& stream, const Stream& peer, const StreamChunk& chunk, Sink& sink) noexcept {
    Bytes bytes = chunk.data;
    if (messages_.scarce(stream.message == nullptr)) make_room(stream);
    if (stream.mode == Stream::Mode::http2) return http2_data(stream, peer, chunk, bytes, sink);
    if (stream.mode == Stream::Mode::ignored) return Appetite::nothing;
    if (stream.mode == Stream::Mode::start && !pass_proxy_header(stream, chunk, bytes)) return Appetite::nothing;
    if (stream.proxy_left != 0) {
        const std::size_t passed = std::min<std::size_t>(stream.proxy_left, bytes.size());
        stream.proxy_left = static_cast<std::uint16_t>(stream.proxy_left - passed);
        bytes = bytes.subspan(passed);
    }
    if (stream.mode == Stream::Mode::other) return look_further(stream, chunk, stream.message->text_size, bytes);
    while (!bytes.empty()) {
        if (stream.message == nullptr) {
            // Empty lines in front of a request are no part of it (RFC 9112, section 2.2).
            while (!bytes.empty() && (bytes[0] == '\r' || bytes[0] == '\n')) bytes = bytes.subspan(1);
            if (bytes.empty()) return Appetite::more;
            if (!begin_message(stream, chunk, bytes)) {
                if (stream.mode == Stream::Mode::http2) return http2_data(stream, peer, chunk, bytes, sink);
                return stream.mode == Stream::Mode::ignored ? Appetite::nothing : Appetite::more;
            }
        }
        Message& message = *stream.message;
        const std::size_t kept = message.kept_block != nullptr ? message.text_size : 0;
        const Bytes piece = bytes;
        const Http1::Progress progress = h1_.advance(message, bytes);
        const Bytes first = message.kept_block != nullptr ? as_bytes({message.text(), message.text_size}) : bytes;
        bytes = bytes.subspan(progress.used);
        if (message.recognised) recognise(stream);
        switch (progress.verdict) {
        case Http1::Verdict::failed:
            if (stream.mode == Stream::Mode::detect && progress.reason != Counter::requests_lost_no_memory) {
                const bool too_long = progress.reason == Counter::requests_lost_head_too_large;
                if (detect(first) != Protocol::http2) return look_further(stream, chunk, kept, piece, too_long);
                begin_http2(stream, kept, chunk.time_ns);
                return http2_data(stream, peer, chunk, piece, sink);
            }
            if (stream.mode == Stream::Mode::tunnel && detect(first) == Protocol::http2) {
                begin_http2(stream, kept, chunk.time_ns);
                return http2_data(stream, peer, chunk, piece, sink);
            }
            return give_up(stream, progress, first);
        case Http1::Verdict::complete:
            if (!message.lost) {
                Request request = view(message);
                sink(request);
            }
            if (finish(stream) == Appetite::nothing) return Appetite::nothing;
            break;
        case Http1::Verdict::need_more:
            messages_.wait(message, stream, chunk.time_ns);
            if (stream.mode == Stream::Mode::synced) return Appetite::more;
            const Protocol protocol = detect(first);
            if (protocol == Protocol::undecided || protocol == Protocol::http1) return Appetite::more;
            return not_http1(stream, protocol, first);
        }
    }
    return Appetite::more;
}

template <class Sink>
Appetite HttpStage::http2_data(
    Stream& stream, const Stream& peer, const StreamChunk& chunk, Bytes bytes, Sink& sink) noexcept {
    if (stream.mode != Stream::Mode::http2) return Appetite::nothing;  // there was no room for it
    while (!bytes.empty()) {
        const Http2::Progress progress = h2_.advance(*stream.http2, bytes, peer.table_bytes, chunk.time_ns);
        bytes = bytes.subspan(progress.used);
        switch (progress.verdict) {
        case Http2::Verdict::need_more: return Appetite::more;
        case Http2::Verdict::failed: return leave_http2(stream, progress.reason, progress.requests);
        case Http2::Verdict::complete: {
            Request request = view(*progress.message);
            sink(request);
            finish_http2(*progress.message);
        }
        }
    }
    return Appetite::more;
}

template <class Sink>
Appetite HttpStage::gap(Stream& stream, std::uint64_t bytes, Sink& sink) noexcept {
    if (stream.mode != Stream::Mode::http2) return http1_gap(stream, bytes);
    if (h2_.skip(*stream.http2, bytes)) return Appetite::more;
    finish_whole(*stream.http2, false, sink);
    return leave_http2(stream, Counter::http2_lost_to_gap, Counter::requests_lost_to_gap);
}

template <class Sink>
void HttpStage::close(Stream& stream, tcp::CloseReason reason, Sink& sink) noexcept {
    if (stream.mode == Stream::Mode::http2 && reason == tcp::CloseReason::ended) {
        finish_whole(*stream.http2, true, sink);
    }
    forget(stream, reason);
}

// Streams whose end never came, and never will.
template <class Sink>
void HttpStage::finish_whole(Http2Connection& connection, bool closed, Sink& sink) noexcept {
    while (Message* whole = h2_.take_whole(connection, closed)) {
        Request request = view(*whole);
        sink(request);
        finish_http2(*whole);
    }
}

}  // namespace rebuilder::http
