// SPDX-License-Identifier: Apache-2.0
// read_framing: what a request's header section says about its body (RFC 9112, section 6.3).
//
// Rules: chunked coding, named once and last, overrules a length, whatever was applied below it. Lengths are decimal,
//        and several must agree. Whatever two servers could read in two ways has no framing: contradicting lengths,
//        codings that don't end with chunked, and fields that resemble the framing ones, such as "Content-Length :".
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "http/request.h"

namespace rebuilder::http {

struct BodyFraming {
    Framing framing = Framing::none;
    std::uint64_t length = 0;  // with Framing::content_length
};

// Nothing when the framing is ambiguous. `text` is what the fields point into.
[[nodiscard]] std::optional<BodyFraming> read_framing(const char* text, std::span<const Field> headers) noexcept;

// Whether the connection is asked to become another protocol's (RFC 9110, section 7.8).
[[nodiscard]] bool asks_for_upgrade(const char* text, std::span<const Field> headers) noexcept;

}  // namespace rebuilder::http
