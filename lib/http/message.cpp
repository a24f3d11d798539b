// SPDX-License-Identifier: Apache-2.0
#include "http/message.h"

#include <cstring>

namespace rebuilder::http {

Message* MessagePool::take(std::uint64_t time_ns) noexcept {
    Message* message = free_;
    if (message != nullptr) {
        free_ = message->next_free;
    } else if (fresh_ != total_) {
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
    message->canonical_lines = true;
    message->host_seen = false;
    message->lost.reset();
    message->in_place = nullptr;
    message->kept_block = nullptr;
    message->text_size = 0;
    message->line_at = 0;
    message->field_count = 0;
    message->header_count = 0;
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
    if (message->owner != nullptr) unlink(*message);
    drop_body(*message);
    if (message->kept_block != nullptr) {
        const bool large = message->kept_block->capacity != blocks_.block_capacity();
        (large ? large_heads_ : blocks_).give(message->kept_block);
    }
    message->next_free = free_;
    free_ = message;
    --in_use_;
}

void MessagePool::wait(Message& message, Stream& owner, std::uint64_t now_ns) noexcept {
    message.progress_ns = now_ns;
    if (message.owner != nullptr) return;  // its place is mended when the stalest is looked for
    message.owner = &owner;
    link(message);
}

Message* MessagePool::stalest() noexcept {
    constexpr int most_looked_at = 64;
    for (int i = 0; i < most_looked_at && stalest_ != nullptr; ++i) {
        Message& message = *stalest_;
        if (message.progress_ns == message.waiting_since_ns) break;
        unlink(message);
        link(message);
    }
    return stalest_;
}

void MessagePool::link(Message& message) noexcept {
    message.waiting_since_ns = message.progress_ns;
    message.staler = freshest_;
    message.fresher = nullptr;
    (freshest_ != nullptr ? freshest_->fresher : stalest_) = &message;
    freshest_ = &message;
}

void MessagePool::unlink(Message& message) noexcept {
    (message.staler != nullptr ? message.staler->fresher : stalest_) = message.fresher;
    (message.fresher != nullptr ? message.fresher->staler : freshest_) = message.staler;
}

bool MessagePool::keep(Message& message, const char* from, std::size_t size) noexcept {
    Block* block = message.kept_block;
    const std::size_t kept = block != nullptr ? message.text_size : 0;
    const std::size_t needed = kept + size;
    if (block == nullptr || needed > block->capacity) {
        BlockPool& pool = needed <= blocks_.block_capacity() ? blocks_ : large_heads_;
        if (needed > pool.block_capacity()) return false;
        Block* larger = pool.take();
        if (larger == nullptr) return false;
        if (block != nullptr) {
            std::memcpy(larger->data(), block->data(), kept);
            blocks_.give(block);
        }
        message.kept_block = block = larger;
    }
    std::memcpy(block->data() + kept, from, size);
    message.text_size = static_cast<std::uint32_t>(needed);
    return true;
}

bool MessagePool::keep_body(Message& message) noexcept {
    const bool kept = message.body.append(blocks_, message.body_tail);
    message.body_tail = {};
    return kept;
}

void MessagePool::drop_body(Message& message) noexcept {
    message.body.release(blocks_);
    message.body_tail = {};
}

}  // namespace rebuilder::http
