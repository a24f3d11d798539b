// SPDX-License-Identifier: Apache-2.0
// Http2: what the client of an HTTP/2 connection sends, as requests (RFC 9113).
//
// In:    advance() takes an Http2Connection and the next bytes of its direction, from its preface on, split anywhere.
// Out:   a Progress: how many of the bytes are behind us, and whether it needs more, a message is complete (one for each
//        stream that ends), or the connection can't be followed any further.
// How:   frames are walked, header blocks decoded, and each head written as HTTP/1.1 would say it. Nothing is known of
//        the other direction but, where it is seen, how large it lets the header table be.
// Rules: what a server refuses of a single request, and HTTP/1.1 can't say, is refused: names in upper case, pseudo-header
//        fields that are missing, twice, unknown or late (section 8). Odd values pass. Where the connection would only
//        break a rule, it is read on; it is left where nobody can tell how: behind a header block that doesn't decode
//        or is interrupted or has impossible padding, and behind a hole unless it lies in the payload of a frame that
//        isn't a header block. HEADERS that open no stream are decoded all the same, for the header table's sake.
// Memory: a connection of HpackMemory's and 3 KB; messages and their bodies are the MessagePool's. See Limits.
// Never: allocates, throws or reads a clock.
//
// An own walk, where nghttp2 has sessions: a server's session answers what it reads, and ends at the client's first
// acknowledgement of settings that it never sent. It is the judge in the tests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/block.h"
#include "base/bytes.h"
#include "base/counters.h"
#include "http/hpack.h"
#include "http/limits.h"
#include "http/message.h"
#include "http/stale_list.h"

namespace rebuilder::http {

inline constexpr std::string_view http2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";  // section 3.4

struct Http2Connection {
    enum class At : std::uint8_t { preface, frame_head, pad_length, block, data, skip };

    // In use: its neighbours among all, to find the stalest, and whose it is.
    Stream* owner;
    Http2Connection* staler;
    Http2Connection* fresher;
    std::uint64_t waiting_since_ns;
    std::uint64_t progress_ns;

    HpackDecoder hpack;

    // The frame (section 4.1).
    At at;
    std::uint8_t head_size;  // of `head`; or of the preface; or left of a priority
    std::array<std::uint8_t, 9> head;
    std::uint8_t type;
    std::uint8_t flags;
    std::uint8_t padding;     // behind the payload
    std::uint32_t left;       // of the payload, without the padding
    std::uint32_t stream_id;  // the frame's
    std::uint64_t frame_ns;   // when it began

    // The header block.
    std::uint32_t block_stream;  // whose block goes on in a CONTINUATION, or 0
    bool block_ends_stream;
    std::uint32_t continuations;
    Message* reading;      // what the block belongs to; null: nothing, it is decoded for the table's sake only
    Block* partial;        // a field that isn't whole yet
    std::uint32_t needed;  // bytes of it to come before it is worth another look

    std::uint32_t last_stream;
    std::uint32_t settings_acks;
    std::uint64_t resets_paid_ns;  // as if each reset took its time: when all would have passed

    // The streams whose request is still coming, in no order.
    std::uint32_t open;
    std::array<std::uint32_t, max_open_streams> ids;
    std::array<Message*, max_open_streams> messages;
};

class Http2 {
  public:
    enum class Verdict : std::uint8_t { need_more, complete, failed };

    struct Progress {
        Verdict verdict;
        std::size_t used = 0;                // of the bytes given; all of them with need_more
        Message* message = nullptr;          // with complete: give it to finish()
        Counter reason = Counter::frames;    // with failed: the http2_lost_* counter,
        Counter requests = Counter::frames;  // and the requests_lost_* counter of those that are still coming
    };

    Http2(const Limits& limits, MessagePool& pool, Counters& counters);

    // A connection with `preface_seen` bytes of its preface behind it. Streams up to `last_stream` are gone. Null when
    // there's no room.
    [[nodiscard]] Http2Connection* open(
        Stream& owner, std::size_t preface_seen, std::uint32_t last_stream, std::uint64_t now_ns) noexcept;
    // All requests that are still coming are lost, for this reason.
    void close(Http2Connection& connection, Counter reason) noexcept;
    // The connection that has said nothing for longest, or null.
    [[nodiscard]] Http2Connection* stalest() noexcept { return connections_.stalest(); }

    // `table_bytes`: what the server's settings say of the header table, most_table_bytes if they weren't seen.
    [[nodiscard]] Progress advance(
        Http2Connection& connection, Bytes bytes, std::uint32_t table_bytes, std::uint64_t now_ns) noexcept;

    // Bytes that will never come. False when that is the end: more than the payload of a frame is missing, or a header
    // block's.
    [[nodiscard]] bool skip(Http2Connection& connection, std::uint64_t bytes) noexcept;

    // At the end: a message of which nothing is missing but that its stream ends, or null. Its content-length says so; or
    // the connection is `closed`, nothing is missing, and it is a GET or HEAD without DATA: servers answer these at once.
    [[nodiscard]] Message* take_whole(Http2Connection& connection, bool closed) noexcept;

    // A request that was still coming is given up.
    void lose(Http2Connection& connection, Message& message, Counter reason) noexcept;

    [[nodiscard]] std::size_t connections() const noexcept { return blocks_.total() - blocks_.available(); }
    [[nodiscard]] std::size_t mapped_bytes() const noexcept {
        return blocks_.total() * (blocks_.block_capacity() + sizeof(Block)) + hpack_.mapped_bytes();
    }

  private:
    struct Feed;  // one call's bytes and time

    // Frames. Each answers true to go on, or false with its verdict in `feed.progress`.
    bool read_preface(Http2Connection& c, Feed& feed) noexcept;
    bool read_frame_head(Http2Connection& c, Feed& feed) noexcept;
    bool begin_frame(Http2Connection& c, Feed& feed) noexcept;
    bool read_pad_length(Http2Connection& c, Feed& feed) noexcept;
    bool bad_padding(Http2Connection& c, Feed& feed) noexcept;
    bool read_data(Http2Connection& c, Feed& feed) noexcept;
    bool read_block(Http2Connection& c, Feed& feed) noexcept;
    bool decode(Http2Connection& c, Feed& feed, Bytes& rest) noexcept;
    bool piece_together(Http2Connection& c, Feed& feed, Bytes& bytes) noexcept;
    bool skip_payload(Http2Connection& c, Feed& feed) noexcept;
    bool end_block(Http2Connection& c, Feed& feed) noexcept;
    static void pass(Http2Connection& c, std::uint32_t bytes) noexcept;
    static void end_payload(Http2Connection& c) noexcept;
    void begin_headers(Http2Connection& c, const Feed& feed) noexcept;
    void on_reset(Http2Connection& c, std::uint64_t now_ns) noexcept;
    void on_settings_ack(Http2Connection& c, std::uint32_t table_bytes) noexcept;

    // Streams.
    [[nodiscard]] static Message* find(const Http2Connection& c, std::uint32_t stream_id) noexcept;
    static void forget(Http2Connection& c, const Message& message) noexcept;
    [[nodiscard]] Message* begin_request(Http2Connection& c, const Feed& feed) noexcept;

    Limits limits_;
    MessagePool& pool_;
    Counters& counters_;
    BlockPool blocks_;
    HpackMemory hpack_;
    StaleList<Http2Connection> connections_;
};

}  // namespace rebuilder::http
