// SPDX-License-Identifier: Apache-2.0
// LostHead: a head that has no room, read on for what its framing depends on (RFC 9112, section 6.3).
//
// In:    the fields that were read before, by add(), if its request line was; then the rest of the head from the start of
//        a line on, by step(), split anywhere.
// Out:   where the head ends, then what is known of its body; or that nobody can tell.
// Rules: those of a head that is kept. A line is known by its first and its last bytes, so what frames a body has to be
//        short, as it always is: a framing field that isn't makes the head ambiguous.
// Bytes: a buffer of `buffer_bytes` is the caller's, and the same in each call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/framing.h"
#include "http/request.h"

namespace rebuilder::http {

class LostHead {
  public:
    static constexpr std::size_t line_front = 256;  // bytes that are known of a line
    static constexpr std::size_t line_back = 32;
    static constexpr std::size_t longest_field = 512;  // one that matters, with what is folded
    static constexpr std::size_t buffer_bytes = longest_field + line_front + line_back;

    enum class Found : std::uint8_t { need_more, end, ambiguous };
    struct Step {
        Found found;
        std::size_t used;  // of the bytes; all of them with need_more
    };

    // Before its request line.
    LostHead() = default;
    // Behind the request line.
    LostHead(bool connect, std::string_view version) noexcept;

    void add(const char* text, const Field& field) noexcept;
    [[nodiscard]] Step step(char* buffer, std::string_view bytes) noexcept;

    // At the end.
    [[nodiscard]] std::optional<BodyFraming> framing() const noexcept { return framing_.framing(version()); }
    [[nodiscard]] bool tunnel() const noexcept { return connect_ || (upgrade_ && named_); }
    [[nodiscard]] bool h2c() const noexcept { return tunnel() && h2c_; }
    [[nodiscard]] std::string_view version() const noexcept { return {version_, version_size_}; }

  private:
    void keep(char* line, std::string_view bytes) noexcept;
    [[nodiscard]] Found end_line(char* buffer) noexcept;
    [[nodiscard]] Found read_request_line(std::string_view line) noexcept;
    [[nodiscard]] Found read_fold(std::string_view line, std::uint32_t value_at, std::uint32_t value_size) noexcept;

    FramingReader framing_;
    Field field_{};                 // one that matters and may go on: it stands at the buffer's start
    std::uint32_t field_size_ = 0;  // its bytes there
    std::uint32_t line_size_ = 0;   // of the current line, behind it
    std::uint8_t version_size_ = 0;
    char version_[8] = {};
    bool in_fields_ = false;  // the request line is behind us
    bool any_field_ = false;
    bool cut_ = false;     // bytes of the current line are left out
    bool cut_cr_ = false;  // among them a CR
    bool connect_ = false;
    bool upgrade_ = false;
    bool named_ = false;  // by Connection
    bool h2c_ = false;
};

}  // namespace rebuilder::http
