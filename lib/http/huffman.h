// SPDX-License-Identifier: Apache-2.0
// The Huffman code of HPACK's strings (RFC 7541, section 5.2 and appendix B).
#pragma once

#include <cstddef>
#include <optional>

#include "base/bytes.h"

namespace rebuilder::http {

// The most bytes that `coded` bytes can decode to: the shortest code has 5 bits.
[[nodiscard]] constexpr std::size_t most_huffman_decoded(std::size_t coded) noexcept {
    return coded * 8 / 5;
}

// And the fewest: the longest has 30, and fewer than 8 bits fill the last byte.
[[nodiscard]] constexpr std::size_t least_huffman_decoded(std::size_t coded) noexcept {
    return coded != 0 ? (coded * 8 - 7) / 30 : 0;
}

// Decodes all of `coded` to `to`, where most_huffman_decoded() bytes have room. How many it came to, or nothing when it
// is no such string: it holds EOS, or ends in anything but the first bits of EOS, fewer than 8.
[[nodiscard]] std::optional<std::size_t> huffman_decode(Bytes coded, char* to) noexcept;

}  // namespace rebuilder::http
