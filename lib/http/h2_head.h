// SPDX-License-Identifier: Apache-2.0
// A request's fields as HTTP/2 sends them, written as HTTP/1.1 says them (RFC 9113, section 8.3.1): a request line made
// of :method and :path, Host for :authority, Upgrade for :protocol (RFC 8441), then the others as they come.
//
// The text is the message's. Each function answers nothing, or the requests_lost_* counter that says why not.
#pragma once

#include <optional>

#include "base/counters.h"
#include "http/hpack.h"
#include "http/limits.h"
#include "http/message.h"

namespace rebuilder::http {

// The next field of the header section, or of the trailer section.
[[nodiscard]] std::optional<Counter> add_h2_field(
    Message& message, const HeaderField& field, const Limits& limits, MessagePool& pool) noexcept;

// The header section ends; with it the stream, or DATA follows. Message::tunnel says that it is a CONNECT.
[[nodiscard]] std::optional<Counter> end_h2_head(
    Message& message, bool ends_stream, const Limits& limits, MessagePool& pool) noexcept;

}  // namespace rebuilder::http
