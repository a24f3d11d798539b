// SPDX-License-Identifier: Apache-2.0
// Mapping: zeroed memory from the kernel, with transparent huge pages asked for, given back by the destructor.
// Untouched pages cost nothing, so tables can be sized for their limit.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rebuilder {

class Mapping {
  public:
    // Throws Error (runtime) when the kernel refuses.
    explicit Mapping(std::size_t bytes);
    ~Mapping();
    Mapping(Mapping&& other) noexcept;
    Mapping& operator=(Mapping&& other) noexcept;

    [[nodiscard]] std::uint8_t* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

  private:
    std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace rebuilder
