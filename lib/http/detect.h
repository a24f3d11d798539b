// SPDX-License-Identifier: Apache-2.0
// What protocol a stream speaks, by its first bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace rebuilder::http {

// Longer tokens are no methods (the longest registered has 17 bytes).
inline constexpr std::size_t longest_method = 32;

enum class Protocol : std::uint8_t {
    undecided,       // more bytes may tell
    http1,           // may be a request line; only the whole line proves it
    http1_response,  // the other direction of HTTP/1
    http2,           // the client's connection preface (RFC 9113, section 3.4)
    tls,
    ssh,
    unknown,
};

// In: the first bytes of a stream, as many as there are. Empty lines in front of a request are not among them.
[[nodiscard]] Protocol detect(Bytes first) noexcept;

// Whether a segment that begins so may begin with a request line. Stricter than detect(), because here the bytes may
// as well be the middle of a body: a method that is registered or in common use, and a target in a usual form.
[[nodiscard]] bool begins_like_request(Bytes segment) noexcept;

}  // namespace rebuilder::http
