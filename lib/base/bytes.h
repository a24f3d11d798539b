// SPDX-License-Identifier: Apache-2.0
// Bounded reads of wire bytes. Network byte order (big endian) unless a name says otherwise.
//
// A Cursor never reads past its end: take(n) gives n bytes or null, and the caller turns null into a counted drop. The load_* functions are for bytes that a take() has already bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace rebuilder {

using Bytes = std::span<const std::uint8_t>;

inline std::uint16_t load_be16(const std::uint8_t* from) noexcept {
    return static_cast<std::uint16_t>((from[0] << 8) | from[1]);
}

inline std::uint32_t load_be24(const std::uint8_t* from) noexcept {
    return (static_cast<std::uint32_t>(from[0]) << 16) | (static_cast<std::uint32_t>(from[1]) << 8) | from[2];
}

inline std::uint32_t load_be32(const std::uint8_t* from) noexcept {
    return (static_cast<std::uint32_t>(load_be16(from)) << 16) | load_be16(from + 2);
}

inline std::uint64_t load_be64(const std::uint8_t* from) noexcept {
    return (static_cast<std::uint64_t>(load_be32(from)) << 32) | load_be32(from + 4);
}

inline std::string_view as_text(Bytes bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Bytes as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// Asks for the first bytes of those that will be read soon, so that the wait for memory is over by then.
inline void prefetch(Bytes bytes, std::size_t most = 1536) noexcept {
    constexpr std::size_t line_bytes = 64;
    const std::size_t size = bytes.size() < most ? bytes.size() : most;
    for (std::size_t at = 0; at < size; at += line_bytes) __builtin_prefetch(bytes.data() + at);
}

class Cursor {
  public:
    explicit Cursor(Bytes bytes) noexcept : rest_(bytes) {}

    // The next `size` bytes, which are then behind the cursor; null when fewer are left (and nothing moves).
    const std::uint8_t* take(std::size_t size) noexcept {
        if (size > rest_.size()) return nullptr;
        const std::uint8_t* taken = rest_.data();
        rest_ = rest_.subspan(size);
        return taken;
    }

    // Forgets everything behind the first `size` bytes of the rest: what a length field calls the end.
    void limit(std::size_t size) noexcept {
        if (size < rest_.size()) rest_ = rest_.first(size);
    }

    [[nodiscard]] Bytes rest() const noexcept { return rest_; }
    [[nodiscard]] std::size_t left() const noexcept { return rest_.size(); }

  private:
    Bytes rest_;
};

}  // namespace rebuilder
