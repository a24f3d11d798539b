// SPDX-License-Identifier: Apache-2.0
#include "http/message.h"

#include <algorithm>
#include <cstring>

namespace rebuilder::http {

Message* MessagePool::take(std::uint64_t time_ns) noexcept {
    Message* message = free_;
    if (message != nullptr) {
        free_ = message->next_free;
    } else if (fresh_ != limits_.max_requests) {
        message = reinterpret_cast<Message*>(mapping_.data()) + fresh_++;
    } else {
        return nullptr;
    }
    ++in_use_;
    // The fields are written before they are read; they are most of the size.
    message->owner = nullptr;
    message->stage = Stage::line;
    message->framing = Framing::none;
    message->from_start = false;
    message->recognised = false;
    message->counted = false;
    message->tunnel = false;
    message->h2c = false;
    message->canonical_lines = true;
    message->lost.reset();
    message->in_place = nullptr;
    message->kept_block = nullptr;
    message->text_size = 0;
    message->line_at = 0;
    message->field_count = 0;
    message->header_count = 0;
    message->special = {};
    message->stream_id = 0;
    message->pseudo = 0;
    message->length_said = false;
    message->body_left = 0;
    message->chunked = {};
    message->body_size = 0;
    message->body_full = 0;
    message->body = Chain{};
    message->body_tail = {};
    message->time_ns = time_ns;
    return message;
}

void MessagePool::give(Message* message) noexcept {
    if (message->owner != nullptr) waiting_.leave(*message);
    message->body.release(blocks_);
    drop(message->kept_block);
    message->next_free = free_;
    free_ = message;
    --in_use_;
}

void MessagePool::wait(Message& message, Stream& owner, std::uint64_t now_ns) noexcept {
    message.progress_ns = now_ns;
    if (message.owner != nullptr) return;
    message.owner = &owner;
    waiting_.enter(message);
}

bool MessagePool::make_room(Block*& block, std::size_t kept, std::size_t size) noexcept {
    const std::size_t needed = kept + size;
    if (block != nullptr && needed <= block->capacity) return true;
    BlockPool& pool = needed <= blocks_.block_capacity() ? blocks_ : large_heads_;
    if (needed > pool.block_capacity()) return false;
    Block* larger = pool.take();
    if (larger == nullptr) return false;
    if (block != nullptr) {
        std::memcpy(larger->data(), block->data(), kept);
        blocks_.give(block);
    }
    block = larger;
    return true;
}

void MessagePool::drop(Block*& block) noexcept {
    if (block == nullptr) return;
    const bool large = block->capacity != blocks_.block_capacity();
    (large ? large_heads_ : blocks_).give(block);
    block = nullptr;
}

bool MessagePool::keep(Message& message, const char* from, std::size_t size) noexcept {
    const std::size_t kept = message.kept_block != nullptr ? message.text_size : 0;
    if (!make_room(message.kept_block, kept, size)) return false;
    std::memcpy(message.kept_block->data() + kept, from, size);
    message.text_size = static_cast<std::uint32_t>(kept + size);
    return true;
}

void MessagePool::take_body(Message& message, Bytes bytes) noexcept {
    message.body_full += bytes.size();
    if (message.lost) return;
    // The limit may have been lowered since.
    const std::uint64_t room = limits_.max_body - std::min(limits_.max_body, message.body_size);
    if (bytes.size() > room) {
        if (limits_.oversize == Oversize::drop) return lose(message, Counter::requests_lost_body_too_large);
        bytes = bytes.first(room);
    }
    if (bytes.empty()) return;
    message.body_size += bytes.size();
    if (!keep_body(message)) return lose(message, Counter::requests_lost_no_memory);
    message.body_tail = bytes;
}

bool MessagePool::keep_body(Message& message) noexcept {
    const bool kept = message.body.append(blocks_, message.body_tail);
    message.body_tail = {};
    return kept;
}

void MessagePool::lose(Message& message, Counter reason) noexcept {
    message.lost = reason;
    message.body.release(blocks_);
    message.body_tail = {};
}

Request view(Message& message) noexcept {
    const char* text = message.text();
    Request request;
    request.method = {text, message.method_size};
    request.target = {text + message.target_at, message.target_size};
    request.version = {text + message.version_at, message.version_size};
    if (message.stream_id != 0) request.version = "HTTP/2";
    if (request.version.empty()) request.version = "HTTP/0.9";
    request.text = text;
    request.header_at = message.header_at;
    request.header_size = message.header_end - message.header_at;
    request.canonical_lines = message.canonical_lines;
    request.special = message.special;
    const std::span<const Field> fields(message.fields.data(), message.field_count);
    request.headers = fields.first(message.header_count);
    request.trailers = fields.subspan(message.header_count);
    request.framing = message.framing;
    request.body = {&message.body, message.body_tail, message.body_size, message.body_full};
    request.time_ns = message.time_ns;
    return request;
}

}  // namespace rebuilder::http
