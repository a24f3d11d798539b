// SPDX-License-Identifier: Apache-2.0
// parse_field_line: one line of a header or trailer section (RFC 9112, section 5).
//
// In:    the line, whole, with its LF.
// Out:   what it is, and where its name and value stand. Nothing is copied.
// Rules: lines end with CRLF or LF (section 2.2). What servers are known to answer is taken apart and marked, so that an
//        analyser can be shown it: whitespace in front of the colon, no colon, a name of any bytes. Only a CR that no LF
//        follows is refused: to some servers it ends the line, and then everything behind it reads differently.
#pragma once

#include <cstdint>
#include <string_view>

namespace rebuilder::http {

struct FieldLine {
    enum class Kind : std::uint8_t {
        field,
        fold,  // goes on with the field before it (section 5.2)
        end,   // the empty line
        malformed,
    };

    Kind kind = Kind::field;
    bool crlf = false;        // it ends with CRLF
    bool loose = false;       // whitespace between name and colon, or no colon
    bool unsendable = false;  // the name is no token: no strict receiver would take the field
    // Relative to the line. The value is without the whitespace around it.
    std::uint32_t name_size = 0;
    std::uint32_t value_at = 0;
    std::uint32_t value_size = 0;
};

[[nodiscard]] FieldLine parse_field_line(std::string_view line) noexcept;

}  // namespace rebuilder::http
