// SPDX-License-Identifier: Apache-2.0
// ChainWriter: text and numbers behind each other into a Chain. Once the pool is empty it writes nothing more
// and says so at the end, so that callers need not ask after every word.
#pragma once

#include <charconv>
#include <concepts>
#include <string_view>
#include <utility>

#include "base/block.h"

namespace rebuilder::forward {

class ChainWriter {
  public:
    explicit ChainWriter(BlockPool& pool) noexcept : pool_(pool) {}
    ~ChainWriter() { chain_.release(pool_); }

    ChainWriter(const ChainWriter&) = delete;
    ChainWriter& operator=(const ChainWriter&) = delete;

    ChainWriter& operator<<(Bytes bytes) noexcept {
        if (complete_) complete_ = chain_.append(pool_, bytes);
        return *this;
    }
    ChainWriter& operator<<(std::string_view text) noexcept { return *this << as_bytes(text); }
    ChainWriter& operator<<(std::unsigned_integral auto number) noexcept {
        char digits[20];
        const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
        return *this << std::string_view(digits, static_cast<std::size_t>(end - digits));
    }

    // Takes over all blocks of `other` behind what is written.
    void splice(Chain& other) noexcept { chain_.splice(other); }

    [[nodiscard]] bool complete() const noexcept { return complete_; }
    // The chain, which is the caller's then.
    [[nodiscard]] Chain take() noexcept { return std::exchange(chain_, Chain{}); }

  private:
    BlockPool& pool_;
    Chain chain_;
    bool complete_ = true;
};

}  // namespace rebuilder::forward
