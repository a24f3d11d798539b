// SPDX-License-Identifier: Apache-2.0
// Message: one request while it comes. MessagePool: all of them, and the memory they use.
//
// A Message is taken at a request's first byte and given back at its end, last in first out, so a connection between
// two requests holds none and the usual request finds a warm one. When room gets scarce, the stalest can be asked for:
// who sends slowly is not to keep out who doesn't. While a request of HTTP/1 fits into one segment nothing is
// copied: its text is read where it lies. What must survive the segment is kept: the head in one contiguous block,
// the body in a chain. The head of HTTP/2 is written there as it is decoded, as HTTP/1.1 would say it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/block.h"
#include "base/counters.h"
#include "base/mapping.h"
#include "http/chunked.h"
#include "http/limits.h"
#include "http/lost_head.h"
#include "http/request.h"
#include "http/stale_list.h"

namespace rebuilder::http {

struct Stream;

enum class Stage : std::uint8_t {
    proxy,
    line,
    head,
    body_length,
    body_chunked,
    trailers,
    h2_head,  // a stream of HTTP/2: its header block comes
    h2_data,  // its DATA frames come
    h2_trailers,
};

// What there is of a line whose text isn't kept.
enum class LineSeen : std::uint8_t { nothing, cr, more };

struct Message {
    Message* next_free;

    // While it waits for more bytes: its neighbours among those that do, and since when, to find the stalest.
    Stream* owner;
    Message* staler;
    Message* fresher;
    std::uint64_t waiting_since_ns;  // when it was put into its place there
    std::uint64_t progress_ns;       // when bytes came last

    Stage stage;
    Framing framing;
    bool from_start;  // the stream is known from its first byte: the message begins where a server sees one begin
    bool recognised;  // the request line is one
    bool counted;     // as started
    bool tunnel;      // CONNECT or Upgrade: what follows may be another protocol
    bool h2c;         // it asks to go on with HTTP/2
    bool canonical_lines;
    LineSeen line_seen;           // with Stage::trailers, lost: of the current line
    std::optional<Counter> lost;  // it is only followed for its framing, and this is why

    // The text: request line, header section, then trailer section. In place, or in `kept_block`.
    const char* in_place;
    Block* kept_block;
    std::uint32_t text_size;
    std::uint32_t line_at;  // where in the text the current line begins

    std::uint32_t method_size;
    std::uint32_t target_at;
    std::uint32_t target_size;
    std::uint32_t version_at;
    std::uint32_t version_size;
    std::uint32_t header_at;
    std::uint32_t header_end;  // where the last field line ends

    std::uint32_t field_count;
    std::uint32_t header_count;  // of these, before the body
    SpecialFields special;       // among those

    std::uint32_t stream_id;  // of HTTP/2, else 0
    std::uint8_t pseudo;      // the pseudo-header fields seen, as bits (h2_head.cpp)
    bool length_said;         // with HTTP/2: by Content-Length, and body_left is what it says

    LostHead lost_head;       // with Stage::line or Stage::head, lost
    std::uint64_t body_left;  // with Stage::body_length
    ChunkedDecoder chunked;   // with Stage::body_chunked
    std::uint64_t body_size;  // kept
    std::uint64_t body_full;
    Chain body;
    Bytes body_tail;  // body bytes in the current chunk, not copied yet

    std::uint64_t time_ns;

    std::array<Field, max_fields> fields;

    // A gap took the last bytes of its body.
    [[nodiscard]] bool at_end() const noexcept { return stage == Stage::body_length && body_left == 0; }

    [[nodiscard]] const char* text() const noexcept {
        return kept_block != nullptr ? reinterpret_cast<const char*>(kept_block->data()) : in_place;
    }
};

// The message as a whole request. Valid until it is given back, or the bytes given last are gone.
[[nodiscard]] Request view(Message& message) noexcept;

class MessagePool {
  public:
    // `blocks` holds bodies and short heads; it outlives the pool and is the worker's own.
    MessagePool(const Limits& limits, BlockPool& blocks)
        : limits_(limits)
        , blocks_(blocks)
        , large_heads_(large_head_bytes(limits), limits.large_heads)
        , mapping_(limits.max_requests * sizeof(Message))
        , reserve_(std::min(blocks.total() / 16, most_reserved)) {}

    MessagePool(const MessagePool&) = delete;
    MessagePool& operator=(const MessagePool&) = delete;

    // A message at its first byte, or null.
    [[nodiscard]] Message* take(std::uint64_t time_ns) noexcept;
    void give(Message* message) noexcept;

    // The message waits for more bytes of its stream, as of now.
    void wait(Message& message, Stream& owner, std::uint64_t now_ns) noexcept;
    // Of those that wait, the one that has waited longest, or null.
    [[nodiscard]] Message* stalest() noexcept { return waiting_.stalest(); }
    // Whether a message that grows, or a further one, may find no room.
    [[nodiscard]] bool scarce(bool further) const noexcept {
        return (further && in_use_ == limits_.max_requests) || large_heads_.available() == 0 ||
               blocks_.available() < reserve_;
    }

    // Copies text of the message behind what is kept of it, or, when none is yet, as its beginning. False when there's
    // no room.
    [[nodiscard]] bool keep(Message& message, const char* from, std::size_t size) noexcept;
    // Makes room in a block, or for none in a new one, for `size` bytes behind the first `kept`, which it keeps. A block
    // so made is given back by drop(). False when there's none, and the block is as it was.
    [[nodiscard]] bool make_room(Block*& block, std::size_t kept, std::size_t size) noexcept;
    void drop(Block*& block) noexcept;

    // The next bytes of the body, in as far as --max-body lets; they are not copied yet. A message that can't have them
    // is lost.
    void take_body(Message& message, Bytes bytes) noexcept;
    // Copies the body bytes taken last. False when there's no room.
    [[nodiscard]] bool keep_body(Message& message) noexcept;
    // From here on it is only followed for its framing; its body is given back at once.
    void lose(Message& message, Counter reason) noexcept;

    // What may change while requests are under way: max_body and oversize.
    void adopt(const Limits& limits) noexcept {
        limits_.max_body = limits.max_body;
        limits_.oversize = limits.oversize;
    }

    [[nodiscard]] std::size_t in_use() const noexcept { return in_use_; }
    [[nodiscard]] std::size_t mapped_bytes() const noexcept {
        return mapping_.size() + large_heads_.total() * (large_heads_.block_capacity() + sizeof(Block));
    }

  private:
    static constexpr std::size_t most_reserved = 64;  // blocks, so that those who come find some while others make room

    static std::size_t large_head_bytes(const Limits& limits) noexcept {
        return (limits.max_head + sizeof(Block) + 63) / 64 * 64;
    }

    Limits limits_;
    BlockPool& blocks_;
    BlockPool large_heads_;
    Mapping mapping_;
    std::size_t reserve_;
    std::size_t fresh_ = 0;
    std::size_t in_use_ = 0;
    Message* free_ = nullptr;
    StaleList<Message> waiting_;
};

}  // namespace rebuilder::http
