// SPDX-License-Identifier: Apache-2.0
#include "forward/write_cursor.h"

namespace rebuilder::forward {

std::size_t WriteCursor::gather(const PendingRing& ring, std::span<iovec> parts) noexcept {
    std::size_t used = 0;
    const Block* block = block_;
    std::uint32_t at = at_;
    for (std::size_t index = written_; index < ring.size() && used < parts.size(); ++index) {
        if (block == nullptr) block = ring[index].slot.first;
        for (; block != nullptr && used < parts.size(); block = block->next) {
            // sendmsg() and writev() read only, whatever iovec's type says.
            if (block->size > at) parts[used++] = {const_cast<std::uint8_t*>(block->data()) + at, block->size - at};
            at = 0;
        }
    }
    if (used == 0) {
        written_ = ring.size();  // what is left, if anything, is empty
        block_ = nullptr;
        at_ = 0;
    }
    return used;
}

void WriteCursor::advance(const PendingRing& ring, std::size_t bytes) noexcept {
    while (written_ < ring.size()) {
        if (block_ == nullptr) {
            if (bytes == 0) return;
            block_ = ring[written_].slot.first;
        }
        while (block_ != nullptr) {
            const std::size_t left = block_->size - at_;
            if (bytes < left) {
                at_ += static_cast<std::uint32_t>(bytes);
                return;
            }
            bytes -= left;
            block_ = block_->next;
            at_ = 0;
        }
        ++written_;
    }
}

}  // namespace rebuilder::forward
