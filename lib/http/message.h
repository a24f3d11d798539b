// SPDX-License-Identifier: Apache-2.0
// Message: one HTTP/1 request while it comes. MessagePool: all of them, and the memory they use.
//
// A Message is taken at a request's first byte and given back at its end, last in first out, so a connection between
// two requests holds none and the usual request finds a warm one. When room gets scarce, the stalest can be asked for:
// who sends slowly is not to keep out who doesn't. While a request fits into one segment nothing is
// copied: its text is read where it lies. What must survive the segment is kept: the head in one contiguous block,
// the body in a chain.
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
#include "http/request.h"

namespace rebuilder::http {

struct Stream;

enum class Stage : std::uint8_t { proxy, line, head, body_length, body_chunked, trailers };

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
    bool canonical_lines;
    bool host_seen;
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

class MessagePool {
  public:
    // `blocks` holds bodies and short heads; it outlives the pool and is the worker's own.
    MessagePool(const Limits& limits, BlockPool& blocks)
        : blocks_(blocks)
        , large_heads_(large_head_bytes(limits), limits.large_heads)
        , mapping_(limits.max_requests * sizeof(Message))
        , total_(limits.max_requests)
        , reserve_(std::min(blocks.total() / 16, most_reserved)) {}

    MessagePool(const MessagePool&) = delete;
    MessagePool& operator=(const MessagePool&) = delete;

    // A message at its first byte, or null.
    [[nodiscard]] Message* take(std::uint64_t time_ns) noexcept;
    void give(Message* message) noexcept;

    // The message waits for more bytes of its stream, as of now.
    void wait(Message& message, Stream& owner, std::uint64_t now_ns) noexcept;
    // Of those that wait, the one that has waited longest, or null.
    [[nodiscard]] Message* stalest() noexcept;
    // Whether a message that grows, or a further one, may find no room.
    [[nodiscard]] bool scarce(bool further) const noexcept {
        return (further && in_use_ == total_) || large_heads_.available() == 0 || blocks_.available() < reserve_;
    }

    // Copies text of the message behind what is kept of it, or, when none is yet, as its beginning. False when there's
    // no room.
    [[nodiscard]] bool keep(Message& message, const char* from, std::size_t size) noexcept;
    // Copies the pending body bytes. False when there's no room.
    [[nodiscard]] bool keep_body(Message& message) noexcept;
    // Gives the body's memory back at once.
    void drop_body(Message& message) noexcept;

    [[nodiscard]] std::size_t in_use() const noexcept { return in_use_; }
    [[nodiscard]] std::size_t mapped_bytes() const noexcept {
        return mapping_.size() + large_heads_.total() * (large_heads_.block_capacity() + sizeof(Block));
    }

  private:
    static constexpr std::size_t most_reserved = 64;  // blocks, so that those who come find some while others make room

    void link(Message& message) noexcept;
    void unlink(Message& message) noexcept;
    static std::size_t large_head_bytes(const Limits& limits) noexcept {
        return (limits.max_head + sizeof(Block) + 63) / 64 * 64;
    }

    BlockPool& blocks_;
    BlockPool large_heads_;
    Mapping mapping_;
    std::size_t total_;
    std::size_t reserve_;
    std::size_t fresh_ = 0;
    std::size_t in_use_ = 0;
    Message* free_ = nullptr;
    Message* stalest_ = nullptr;
    Message* freshest_ = nullptr;
};

}  // namespace rebuilder::http
