// SPDX-License-Identifier: Apache-2.0
// FramingReader: what a request's header fields say about its body (RFC 9112, section 6.3).
//
// Rules: chunked coding, named once and last, overrules a length, whatever was applied below it. Lengths are decimal,
//        and several must agree. Whatever two servers could read in two ways has no framing: contradicting lengths,
//        codings that don't end with chunked, or in a version that has none (section 6.1), and fields that resemble the
//        framing ones, such as "Content-Length :".
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "http/request.h"

namespace rebuilder::http {

struct BodyFraming {
    Framing framing = Framing::none;
    std::uint64_t length = 0;  // with Framing::content_length
};

class FramingReader {
  public:
    // The next field, which points into `text`. False when the framing is ambiguous whatever follows.
    bool add(const char* text, const Field& field) noexcept;
    // Behind the last field: nothing when the framing is ambiguous. `version` is the request line's.
    [[nodiscard]] std::optional<BodyFraming> framing(std::string_view version) const noexcept;

  private:
    std::optional<std::uint64_t> length_;
    bool lengths_agree_ = true;
    bool chunked_ = false;
    bool coded_ = false;  // a Transfer-Encoding field is there
    bool refused_ = false;
};

// Of all fields at once.
[[nodiscard]] std::optional<BodyFraming> read_framing(
    const char* text, std::span<const Field> headers, std::string_view version) noexcept;

// Whether the connection is asked to become another protocol's (RFC 9110, section 7.8): it takes an Upgrade field, and a
// Connection field that names it.
[[nodiscard]] bool asks_for_upgrade(const char* text, std::span<const Field> headers) noexcept;
[[nodiscard]] bool names_upgrade(std::string_view connection) noexcept;

// Whether that protocol is HTTP/2 in cleartext (RFC 7540, section 3.2).
[[nodiscard]] bool asks_for_h2c(const char* text, std::span<const Field> headers) noexcept;

// What Content-Length says where it frames nothing, as in HTTP/2 (RFC 9113, section 8.1.1).
struct DeclaredLength {
    bool said = false;                    // there is such a field
    std::optional<std::uint64_t> length;  // nothing when it is no number, or several disagree
};
[[nodiscard]] DeclaredLength declared_length(const char* text, std::span<const Field> headers) noexcept;

}  // namespace rebuilder::http
