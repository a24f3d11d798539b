// SPDX-License-Identifier: Apache-2.0
// CacheMisses: how often the calling thread's loads missed the last cache, where the machine counts that.
#pragma once

#include <cstdint>
#include <optional>

#include "base/descriptor.h"

namespace rebuilder::bench {

class CacheMisses {
  public:
    CacheMisses();  // counts from here on

    // Nothing where they aren't counted: in most virtual machines.
    [[nodiscard]] std::optional<std::uint64_t> read() const;

  private:
    Descriptor counter_;
};

}  // namespace rebuilder::bench
