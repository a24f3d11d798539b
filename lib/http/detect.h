// SPDX-License-Identifier: Apache-2.0
// What protocol a stream speaks, by its first bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace rebuilder::http {

// Longer tokens are no methods (the longest registered has 17 bytes).
inline constexpr std::size_t longest_method = 32;

// With so many bytes detect() is never undecided. The longest line of SMTP (RFC 5321, section 4.5.3.1) has as many.
inline constexpr std::size_t enough_to_detect = 512;

enum class Protocol : std::uint8_t {
    undecided,       // more bytes may tell
    http1,           // may be a request line; only the whole line proves it
    http1_response,  // the other direction of HTTP/1
    http2,           // the client's connection preface (RFC 9113, section 3.4)
    http2_response,  // the server's: a SETTINGS frame, which is whole then
    http2_frames,    // never of detect(): see looks_like_http2()
    tls,
    ssh,
    redis,  // and all else that speaks RESP
    mysql,  // MariaDB too
    postgresql,
    smtp,
    unknown,
};

// In:    the first bytes of a stream, as many as there are. Empty lines in front of a request are not among them.
// Out:   what it speaks, by either direction of it, the same however the bytes were split: undecided turns into another
//        answer, which then stays.
// Rules: requests go first. Bytes that may be the beginning of a request line are http1 or undecided, even "EHLO x" and
//        "SSH-2.0-x", which could be a method: there the whole line tells. The other answers name what is no request,
//        and what is ambiguous has no name: a 220 that doesn't say SMTP (FTP greets so, too), PostgreSQL's one byte S.
[[nodiscard]] Protocol detect(Bytes first) noexcept;

// Whether a segment that begins so may begin with a request line. Stricter than detect(), because here the bytes may
// as well be the middle of a body: a method that is registered or in common use, and a target in a usual form.
[[nodiscard]] bool begins_like_request(Bytes segment) noexcept;

// Whether a segment from the middle of a stream begins with frames of HTTP/2, in either direction: it ends where one
// does, or has two at least.
[[nodiscard]] bool looks_like_http2(Bytes segment) noexcept;

}  // namespace rebuilder::http
