// SPDX-License-Identifier: Apache-2.0
// WireHead: reads the head of a slot that write_wire() made, for a version of HTTP that says it otherwise.
//
// In:    a Slot in wire form, whose bytes outlive what is read.
// Out:   method, target, field lines, and where the body begins. Names are in lower case, as HTTP/2 has them (RFC 9113,
//        section 8.2.1); values without the whitespace around them.
// Never: allocates, unless a head is longer than a block, or longer than any before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/block.h"
#include "forward/handoff.h"

namespace rebuilder::forward {

class WireHead {
  public:
    struct Field {
        std::string_view name;
        std::string_view value;
    };

    // False when it isn't a head in wire form. What was read before is gone.
    [[nodiscard]] bool read(const Slot& slot);
    // The value of the first Host field.
    [[nodiscard]] std::string_view host() const noexcept;

    std::string_view method;
    std::string_view target;
    std::vector<Field> fields;
    const Block* body = nullptr;  // the block where it begins, or goes on behind the head
    std::uint32_t body_at = 0;    // in that block
    std::uint64_t body_bytes = 0;

  private:
    [[nodiscard]] bool parse(std::string_view text);

    std::size_t size_ = 0;           // of the head, with the empty line
    std::string joined_;             // a head that lies in several blocks
    std::unique_ptr<char[]> names_;  // in lower case
    std::size_t names_room_ = 0;
};

}  // namespace rebuilder::forward
