// SPDX-License-Identifier: Apache-2.0
// Every limit of the HTTP stage, for one worker. Behind each: what happens there, and the counter that says so.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rebuilder::http {

// Header and trailer fields of one request; then requests_lost_too_many_fields.
inline constexpr std::size_t max_fields = 256;

enum class Oversize : std::uint8_t { truncate, drop };

struct Limits {
    std::size_t max_head = 64 << 10;         // request line and header section: requests_lost_head_too_large
    std::uint64_t max_body = 1 << 20;        // kept bytes of a body; then `oversize` decides
    Oversize oversize = Oversize::truncate;  // requests_truncated, or requests_lost_body_too_large
    std::size_t max_requests = 16'384;       // being assembled at once: requests_lost_no_memory
    std::size_t large_heads = 1'024;         // of these, with a head over one block: the same
};

}  // namespace rebuilder::http
