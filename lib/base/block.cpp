// SPDX-License-Identifier: Apache-2.0
#include "base/block.h"

namespace rebuilder {

BlockPool::BlockPool(std::size_t block_bytes, std::size_t blocks)
    : block_bytes_(block_bytes)
    , total_(blocks)
    , free_count_(blocks)
    , mapping_(block_bytes * blocks) {}

}  // namespace rebuilder
