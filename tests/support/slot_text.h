// SPDX-License-Identifier: Apache-2.0
// What a slot holds, as text. Its blocks are given back.
#pragma once

#include <string>

#include "base/block.h"
#include "forward/handoff.h"
#include "support/catch.h"

namespace rebuilder::test {

inline std::string take_text(BlockPool& pool, const forward::Slot& slot) {
    std::string text;
    std::uint32_t blocks = 0;
    for (Block* block = slot.first; block != nullptr; ++blocks) {
        Block* next = block->next;
        text += as_text(block->bytes());
        pool.give(block);
        block = next;
    }
    CHECK(text.size() == slot.bytes);
    CHECK(blocks == slot.blocks);
    return text;
}

}  // namespace rebuilder::test
