// SPDX-License-Identifier: Apache-2.0
// Block, BlockPool, Chain: all memory that outlives a burst.
//
// A pool is one mapping cut into equal blocks, made at start; taking and giving back are a pop and a push, last in
// first out so that the next taker finds warm bytes. A pool belongs to one thread; another thread may fill or read a
// block that was handed to it, but gives it back through its owner. When the pool is empty take() answers null: the
// caller counts what it could not keep. Nothing here allocates after construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/bytes.h"
#include "base/mapping.h"

namespace rebuilder {

struct Block {
    Block* next;           // of a Chain, or of the pool's free list
    std::uint64_t offset;  // free for the owner: where in a stream the bytes stand
    std::uint32_t size;    // bytes used
    std::uint32_t capacity;

    [[nodiscard]] std::uint8_t* data() noexcept { return reinterpret_cast<std::uint8_t*>(this + 1); }
    [[nodiscard]] const std::uint8_t* data() const noexcept { return reinterpret_cast<const std::uint8_t*>(this + 1); }
    [[nodiscard]] Bytes bytes() const noexcept { return {data(), size}; }
    [[nodiscard]] std::uint32_t room() const noexcept { return capacity - size; }
};

class BlockPool {
  public:
    // `block_bytes` includes the Block header and is a multiple of 64. Throws Error when memory can't be mapped.
    BlockPool(std::size_t block_bytes, std::size_t blocks);

    BlockPool(const BlockPool&) = delete;
    BlockPool& operator=(const BlockPool&) = delete;

    // An empty block, or null.
    [[nodiscard]] Block* take() noexcept {
        Block* block = free_;
        if (block != nullptr) {
            free_ = block->next;
            --free_count_;
        } else if (fresh_ != total_) {
            // Blocks never used so far are entered one by one: memory is touched only as it is needed.
            block = reinterpret_cast<Block*>(mapping_.data() + block_bytes_ * fresh_++);
            block->capacity = static_cast<std::uint32_t>(block_bytes_ - sizeof(Block));
            --free_count_;
        } else {
            return nullptr;
        }
        block->next = nullptr;
        block->size = 0;
        return block;
    }

    void give(Block* block) noexcept {
        block->next = free_;
        free_ = block;
        ++free_count_;
    }

    [[nodiscard]] std::size_t available() const noexcept { return free_count_; }
    [[nodiscard]] std::size_t total() const noexcept { return total_; }
    [[nodiscard]] std::size_t block_capacity() const noexcept { return block_bytes_ - sizeof(Block); }

  private:
    std::size_t block_bytes_;
    std::size_t total_;
    std::size_t fresh_ = 0;
    std::size_t free_count_;
    Block* free_ = nullptr;
    Mapping mapping_;
};

// A list of blocks that reads as one run of bytes. Plain data: who holds it owns its blocks.
struct Chain {
    Block* head = nullptr;
    Block* tail = nullptr;
    std::uint32_t blocks = 0;
    std::uint64_t bytes = 0;

    [[nodiscard]] bool empty() const noexcept { return head == nullptr; }

    // Adds a block, which the chain then owns.
    void push(Block* block) noexcept {
        if (tail != nullptr) {
            tail->next = block;
        } else {
            head = block;
        }
        tail = block;
        ++blocks;
        bytes += block->size;
    }

    // Moves all of `other` behind this chain.
    void splice(Chain& other) noexcept {
        if (other.empty()) return;
        if (tail != nullptr) {
            tail->next = other.head;
        } else {
            head = other.head;
        }
        tail = other.tail;
        blocks += other.blocks;
        bytes += other.bytes;
        other = Chain{};
    }

    // Copies `from` behind the chain, into its last block and as many more as it takes. False when the pool ran
    // out: the chain then holds the part that found room.
    [[nodiscard]] bool append(BlockPool& pool, Bytes from) noexcept {
        while (!from.empty()) {
            if (tail == nullptr || tail->room() == 0) {
                Block* block = pool.take();
                if (block == nullptr) return false;
                push(block);
            }
            const std::size_t part = from.size() < tail->room() ? from.size() : tail->room();
            std::memcpy(tail->data() + tail->size, from.data(), part);
            tail->size += static_cast<std::uint32_t>(part);
            bytes += part;
            from = from.subspan(part);
        }
        return true;
    }

    // Gives every block back; the chain is empty then.
    void release(BlockPool& pool) noexcept {
        while (head != nullptr) {
            Block* next = head->next;
            pool.give(head);
            head = next;
        }
        *this = Chain{};
    }
};

}  // namespace rebuilder
