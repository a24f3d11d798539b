// SPDX-License-Identifier: Apache-2.0
// The frames of HTTP/2 (RFC 9113, sections 4.1 and 6), as far as an observer needs to know them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace rebuilder::http {

inline constexpr std::size_t frame_head_size = 9;
inline constexpr std::uint8_t priority_size = 5;  // in HEADERS

namespace frame_type {
inline constexpr std::uint8_t data = 0;
inline constexpr std::uint8_t headers = 1;
inline constexpr std::uint8_t priority = 2;
inline constexpr std::uint8_t rst_stream = 3;
inline constexpr std::uint8_t settings = 4;
inline constexpr std::uint8_t push_promise = 5;
inline constexpr std::uint8_t ping = 6;
inline constexpr std::uint8_t goaway = 7;
inline constexpr std::uint8_t window_update = 8;
inline constexpr std::uint8_t continuation = 9;
}  // namespace frame_type

namespace frame_flag {
inline constexpr std::uint8_t end_stream = 0x01;  // DATA, HEADERS
inline constexpr std::uint8_t ack = 0x01;         // SETTINGS, PING
inline constexpr std::uint8_t end_headers = 0x04;
inline constexpr std::uint8_t padded = 0x08;
inline constexpr std::uint8_t priority = 0x20;
}  // namespace frame_flag

struct FrameHead {
    // Of frame_head_size bytes.
    explicit FrameHead(const std::uint8_t* bytes) noexcept
        : size(load_be24(bytes))
        , type(bytes[3])
        , flags(bytes[4])
        , stream_id(load_be32(bytes + 5) & 0x7fffffff) {}

    std::uint32_t size;  // of the payload
    std::uint8_t type;
    std::uint8_t flags;
    std::uint32_t stream_id;
};

inline constexpr std::uint16_t settings_header_table_size = 1;
inline constexpr std::size_t setting_size = 6;  // an identifier and a value

}  // namespace rebuilder::http
