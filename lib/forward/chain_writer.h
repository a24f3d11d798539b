// SPDX-License-Identifier: Apache-2.0
// ChainWriter: text and numbers behind each other into a Chain. Once the pool is empty it writes nothing more
// and says so at the end, so that callers need not ask after every word.
#pragma once

#include <charconv>
#include <concepts>
#include <cstring>
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

    // Most of what is written is short, and has room in the last block.
    ChainWriter& operator<<(Bytes bytes) noexcept {
        if (bytes.empty()) return *this;
        if (bytes.size() <= static_cast<std::size_t>(end_ - at_)) {
            std::memcpy(at_, bytes.data(), bytes.size());
            at_ += bytes.size();
        } else {
            append(bytes);
        }
        return *this;
    }
    ChainWriter& operator<<(std::string_view text) noexcept { return *this << as_bytes(text); }
    ChainWriter& operator<<(std::unsigned_integral auto number) noexcept {
        char digits[20];
        const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
        return *this << std::string_view(digits, static_cast<std::size_t>(end - digits));
    }

    // Takes over all blocks of `other` behind what is written.
    void splice(Chain& other) noexcept {
        settle();
        chain_.splice(other);
        begin_at_end();
    }

    [[nodiscard]] bool complete() const noexcept { return complete_; }
    // The chain, which is the caller's then.
    [[nodiscard]] Chain take() noexcept {
        settle();
        at_ = end_ = nullptr;
        return std::exchange(chain_, Chain{});
    }

  private:
    void append(Bytes bytes) noexcept {
        settle();
        if (complete_) complete_ = chain_.append(pool_, bytes);
        begin_at_end();
    }
    // Tells the chain what was written into its last block.
    void settle() noexcept {
        if (at_ == nullptr) return;
        const auto size = static_cast<std::uint32_t>(at_ - chain_.tail->data());
        chain_.bytes += size - chain_.tail->size;
        chain_.tail->size = size;
    }
    void begin_at_end() noexcept {
        if (chain_.tail == nullptr) return;
        at_ = chain_.tail->data() + chain_.tail->size;
        end_ = at_ + (complete_ ? chain_.tail->room() : 0);
    }

    BlockPool& pool_;
    Chain chain_;
    std::uint8_t* at_ = nullptr;  // where in the last block the next byte goes
    std::uint8_t* end_ = nullptr;
    bool complete_ = true;
};

}  // namespace rebuilder::forward
