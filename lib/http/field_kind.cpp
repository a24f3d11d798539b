// SPDX-License-Identifier: Apache-2.0
#include "base/ascii.h"
#include "http/request.h"

namespace rebuilder::http {

FieldKind find_field_kind(std::string_view name) noexcept {
    using enum FieldKind;
    const char* text = name.data();
    switch (name.size()) {
    case 2: return same_ignoring_case(text, "te") ? te : other;
    case 4: return same_ignoring_case(text, "host") ? host : other;
    case 6: return same_ignoring_case(text, "cookie") ? cookie : same_ignoring_case(text, "expect") ? expect : other;
    case 7:
        return same_ignoring_case(text, "trailer") ? trailer : same_ignoring_case(text, "upgrade") ? upgrade : other;
    case 10:
        return same_ignoring_case(text, "connection")   ? connection
               : same_ignoring_case(text, "keep-alive") ? keep_alive
                                                        : other;
    case 13:
        if (same_ignoring_case(text, "x-server-addr")) return x_server_addr;
        if (same_ignoring_case(text, "x-server-port")) return x_server_port;
        break;
    case 14:
        if (same_ignoring_case(text, "content-length")) return content_length;
        break;
    case 15:
        if (same_ignoring_case(text, "x-forwarded-for")) return x_forwarded_for;
        break;
    case 16:
        if (same_ignoring_case(text, "x-forwarded-port")) return x_forwarded_port;
        if (same_ignoring_case(text, "proxy-connection")) return proxy_connection;
        break;
    case 17:
        if (same_ignoring_case(text, "x-forwarded-proto")) return x_forwarded_proto;
        if (same_ignoring_case(text, "transfer-encoding")) return transfer_encoding;
        break;
    default: break;
    }
    return name.size() >= 12 && same_ignoring_case(text, "x-rebuilder-") ? x_rebuilder : other;
}

}  // namespace rebuilder::http
