// SPDX-License-Identifier: Apache-2.0
// Every limit of the HTTP stage, for one worker. Behind each: what happens there, and the counter that says so.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rebuilder::http {

// Header and trailer fields of one request; then requests_lost_too_many_fields.
inline constexpr std::size_t max_fields = 256;

// Streams of an HTTP/2 connection whose request is still coming. Servers allow 100 to 250.
// Then requests_lost_refused: the newest, as a server refuses it.
inline constexpr std::size_t max_open_streams = 256;

enum class Oversize : std::uint8_t { truncate, drop };

struct Limits {
    std::size_t max_head = 64 << 10;         // request line and header section: requests_lost_head_too_large
    std::uint64_t max_body = 1 << 20;        // kept bytes of a body; then `oversize` decides
    Oversize oversize = Oversize::truncate;  // requests_truncated, or requests_lost_body_too_large
    std::size_t max_requests = 16'384;       // being assembled at once: requests_lost_no_memory
    std::size_t large_heads = 1'024;         // of these, with a head over one block: the same

    // HTTP/2. A connection is left alone by losing its header table, so none of these ends one but for memory.
    std::size_t h2_connections = 8'192;      // then the one idle for longest goes: http2_lost_no_memory
    std::size_t h2_large_tables = 256;       // header tables over 4 KB, to 64 KB; then http2_lost_no_memory
    std::uint32_t h2_continuations = 64;     // frames of one header block: requests_lost_continuations
    std::uint32_t h2_reset_burst = 1'000;    // streams that a client may reset at once; then requests_lost_reset_flood,
    std::uint64_t h2_reset_ns = 30'303'030;  // till so long for each has passed: 33 a second
};

}  // namespace rebuilder::http
