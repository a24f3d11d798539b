// SPDX-License-Identifier: Apache-2.0
// Arena: memory for what a scenario makes before it measures. What was taken stays where it is, until the end.
// Huge pages are asked for: the appliance's RX buffers have them, too.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/mapping.h"

namespace rebuilder::bench {

class Arena {
  public:
    [[nodiscard]] std::span<std::uint8_t> take(std::size_t size) {
        if (size > rest_.size()) {
            const Mapping& chunk = chunks_.emplace_back(std::max(size, chunk_bytes));
            rest_ = {chunk.data(), chunk.size()};
        }
        const auto taken = rest_.first(size);
        rest_ = rest_.subspan(size);
        return taken;
    }

  private:
    static constexpr std::size_t chunk_bytes = 64 << 20;

    std::vector<Mapping> chunks_;
    std::span<std::uint8_t> rest_;
};

}  // namespace rebuilder::bench
