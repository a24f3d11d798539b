// SPDX-License-Identifier: Apache-2.0
// WriteCursor: how far the requests of a PendingRing are written, and what writev() should be given next.
//
// In:    the ring, the same one each time, and how many bytes the kernel took. Requests are pushed behind
//        the cursor freely; who pops the first one while written() > 0 says so with popped().
// Out:   the next bytes as iovecs that point into the slots' blocks: nothing is copied or owned.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/block.h"
#include "forward/pending.h"

namespace rebuilder::forward {

class WriteCursor {
  public:
    // Requests written whole: the first ones of the ring.
    [[nodiscard]] std::size_t written() const noexcept { return written_; }
    // Requests of which at least a byte is written.
    [[nodiscard]] std::size_t begun() const noexcept { return written_ + (block_ != nullptr ? 1u : 0u); }

    // Fills `parts` from where the cursor stands; answers how many. 0: all is written.
    [[nodiscard]] std::size_t gather(const PendingRing& ring, std::span<iovec> parts) noexcept;
    // `bytes` of what gather() gave are written.
    void advance(const PendingRing& ring, std::size_t bytes) noexcept;

    void popped() noexcept { --written_; }
    void reset() noexcept { *this = WriteCursor{}; }

  private:
    std::size_t written_ = 0;
    const Block* block_ = nullptr;  // of the request behind the written ones; null: not begun
    std::uint32_t at_ = 0;          // bytes of the block that are written
};

}  // namespace rebuilder::forward
