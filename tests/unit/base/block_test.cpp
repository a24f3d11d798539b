// SPDX-License-Identifier: Apache-2.0
// - pool: all blocks once, null when empty, last in first out, counts, blocks stand apart
// - a block taken again is empty, whatever was in it
// - chain: append within a block, to its last byte, across blocks, and out of blocks
// - chain: push, splice in all four cases of emptiness, append after splice, release
#include "base/block.h"

#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "support/catch.h"

using rebuilder::Block;
using rebuilder::BlockPool;
using rebuilder::Bytes;
using rebuilder::Chain;

namespace {

constexpr std::size_t block_bytes = 128;
constexpr std::size_t capacity = block_bytes - sizeof(Block);

std::vector<std::uint8_t> numbered(std::size_t size, std::uint8_t from = 0) {
    std::vector<std::uint8_t> bytes(size);
    std::iota(bytes.begin(), bytes.end(), from);
    return bytes;
}

std::vector<std::uint8_t> content(const Chain& chain) {
    std::vector<std::uint8_t> all;
    std::uint32_t blocks = 0;
    const Block* last = nullptr;
    for (const Block* block = chain.head; block != nullptr; block = block->next) {
        all.insert(all.end(), block->bytes().begin(), block->bytes().end());
        ++blocks;
        last = block;
    }
    CHECK(blocks == chain.blocks);
    CHECK(all.size() == chain.bytes);
    CHECK(last == chain.tail);
    CHECK(chain.empty() == (chain.head == nullptr));
    return all;
}

}  // namespace

TEST_CASE("block pool: hands out every block once, then null", "[block]") {
    BlockPool pool(block_bytes, 5);
    CHECK(pool.total() == 5);
    CHECK(pool.available() == 5);
    CHECK(pool.block_capacity() == capacity);

    std::set<Block*> taken;
    for (std::size_t left = 5; left-- > 0;) {
        Block* block = pool.take();
        REQUIRE(block != nullptr);
        CHECK(taken.insert(block).second);
        CHECK(pool.available() == left);
        CHECK(block->capacity == capacity);
        CHECK(block->size == 0);
        CHECK(block->room() == capacity);
        CHECK(block->next == nullptr);
        std::memset(block->data(), 0xee, block->capacity);  // neighbours must not notice
        block->size = block->capacity;
    }
    CHECK(pool.take() == nullptr);
    CHECK(pool.available() == 0);
    for (Block* block : taken) {
        CHECK(block->capacity == capacity);
        CHECK(block->size == capacity);
        pool.give(block);
    }
    CHECK(pool.available() == 5);
}

TEST_CASE("block pool: last in, first out, and empty again", "[block]") {
    BlockPool pool(block_bytes, 3);
    Block* first = pool.take();
    Block* second = pool.take();
    first->size = 10;
    first->next = second;
    pool.give(second);
    pool.give(first);
    Block* again = pool.take();
    CHECK(again == first);  // and not the block never used so far
    CHECK(again->size == 0);
    CHECK(again->next == nullptr);
    CHECK(again->capacity == capacity);
    CHECK(pool.take() == second);
    Block* third = pool.take();
    CHECK(third != nullptr);
    CHECK(third != first);
    CHECK(third != second);
    CHECK(pool.take() == nullptr);
    pool.give(third);
    CHECK(pool.available() == 1);
}

TEST_CASE("chain: append fills blocks to their last byte", "[block]") {
    BlockPool pool(block_bytes, 4);
    Chain chain;
    CHECK(content(chain).empty());
    CHECK(chain.append(pool, Bytes{}));
    CHECK(chain.empty());
    CHECK(pool.available() == 4);

    const std::size_t size = GENERATE(std::size_t{1}, capacity - 1, capacity, capacity + 1, 2 * capacity - 1,
        2 * capacity, 2 * capacity + 1, 4 * capacity);
    const std::size_t step = GENERATE(std::size_t{1}, std::size_t{7}, capacity, std::size_t{1000});
    const std::vector<std::uint8_t> bytes = numbered(size);
    for (std::size_t at = 0; at < size; at += step) {
        REQUIRE(chain.append(pool, Bytes(bytes).subspan(at, std::min(step, size - at))));
    }
    CHECK(content(chain) == bytes);
    CHECK(chain.blocks == (size + capacity - 1) / capacity);
    CHECK(pool.available() == 4 - chain.blocks);

    chain.release(pool);
    CHECK(content(chain).empty());
    CHECK(chain.blocks == 0);
    CHECK(pool.available() == 4);
}

TEST_CASE("chain: append without blocks keeps the part that found room", "[block]") {
    BlockPool pool(block_bytes, 2);
    Chain chain;
    const std::vector<std::uint8_t> bytes = numbered(2 * capacity + 1);
    CHECK_FALSE(chain.append(pool, bytes));
    CHECK(content(chain) == numbered(2 * capacity));
    CHECK(pool.available() == 0);
    CHECK_FALSE(chain.append(pool, Bytes(bytes).first(1)));
    CHECK(content(chain) == numbered(2 * capacity));

    Chain other;
    CHECK_FALSE(other.append(pool, bytes));
    CHECK(content(other).empty());
    chain.release(pool);
    CHECK(pool.available() == 2);
}

TEST_CASE("chain: push takes a filled block", "[block]") {
    BlockPool pool(block_bytes, 2);
    Chain chain;
    for (const std::uint8_t value : {std::uint8_t{1}, std::uint8_t{2}}) {
        Block* block = pool.take();
        block->data()[0] = value;
        block->size = 1;
        chain.push(block);
    }
    CHECK(content(chain) == std::vector<std::uint8_t>{1, 2});
    CHECK(chain.append(pool, numbered(1, 3)));  // there is room behind the last byte
    CHECK(content(chain) == std::vector<std::uint8_t>{1, 2, 3});
    CHECK(chain.blocks == 2);
    chain.release(pool);
    CHECK(pool.available() == 2);
}

TEST_CASE("chain: splice moves all of the other chain", "[block]") {
    BlockPool pool(block_bytes, 8);
    const std::size_t left_size = GENERATE(std::size_t{0}, std::size_t{5}, 2 * capacity);
    const std::size_t right_size = GENERATE(std::size_t{0}, std::size_t{5}, 2 * capacity);
    Chain left;
    Chain right;
    REQUIRE(left.append(pool, numbered(left_size)));
    REQUIRE(right.append(pool, numbered(right_size, 100)));

    left.splice(right);
    CHECK(content(right).empty());
    std::vector<std::uint8_t> expected = numbered(left_size);
    const std::vector<std::uint8_t> tail = numbered(right_size, 100);
    expected.insert(expected.end(), tail.begin(), tail.end());
    CHECK(content(left) == expected);

    REQUIRE(left.append(pool, numbered(capacity, 200)));
    const std::vector<std::uint8_t> more = numbered(capacity, 200);
    expected.insert(expected.end(), more.begin(), more.end());
    CHECK(content(left) == expected);

    left.release(pool);
    right.release(pool);
    CHECK(pool.available() == 8);
}
