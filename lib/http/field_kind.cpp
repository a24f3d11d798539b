// SPDX-License-Identifier: Apache-2.0
#include "base/ascii.h"
#include "http/request.h"

namespace rebuilder::http {

FieldKind find_field_kind(std::string_view name) noexcept {
    const auto either = [name](std::string_view first, FieldKind first_kind, std::string_view second = {},
                            FieldKind second_kind = FieldKind::other) {
        if (begins_with_ignoring_case(name, first)) return first_kind;
        return !second.empty() && begins_with_ignoring_case(name, second) ? second_kind : FieldKind::other;
    };
    using enum FieldKind;
    FieldKind kind = other;
    switch (name.size()) {  // by length first: most names end here
    case 2: kind = either("te", te); break;
    case 4: kind = either("host", host); break;
    case 6: kind = either("cookie", cookie, "expect", expect); break;
    case 7: kind = either("trailer", trailer, "upgrade", upgrade); break;
    case 10: kind = either("connection", connection, "keep-alive", keep_alive); break;
    case 13: kind = either("x-server-addr", x_server_addr, "x-server-port", x_server_port); break;
    case 14: kind = either("content-length", content_length); break;
    case 15: kind = either("x-forwarded-for", x_forwarded_for); break;
    case 16: kind = either("x-forwarded-port", x_forwarded_port, "proxy-connection", proxy_connection); break;
    case 17: kind = either("x-forwarded-proto", x_forwarded_proto, "transfer-encoding", transfer_encoding); break;
    default: break;
    }
    return kind == other && begins_with_ignoring_case(name, "x-rebuilder-") ? x_rebuilder : kind;
}

}  // namespace rebuilder::http
