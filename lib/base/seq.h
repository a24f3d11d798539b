// SPDX-License-Identifier: Apache-2.0
// Sequence number arithmetic, modulo 2^32 (RFC 9293, section 3.4). The only place where sequence numbers are
// compared; behind it everything counts in 64 bit stream offsets.
#pragma once

#include <cstdint>

namespace rebuilder {

using Seq = std::uint32_t;

// How far `a` is ahead of `b`: negative when it is behind. Right while the two are less than 2^31 apart.
constexpr std::int32_t seq_diff(Seq a, Seq b) noexcept {
    return static_cast<std::int32_t>(a - b);
}

constexpr bool seq_before(Seq a, Seq b) noexcept {
    return seq_diff(a, b) < 0;
}

}  // namespace rebuilder
