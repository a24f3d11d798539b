// SPDX-License-Identifier: Apache-2.0
// The header of the PROXY protocol, versions 1 and 2 (proxy-protocol.txt of HAProxy): a load balancer sends it once, in
// front of all else on a connection, to say who the client is.
//
// In:    the first bytes of a stream, as many as there are, empty lines included: version 2 begins with CR LF CR LF, so
//        whoever passes over empty lines in front of a request has to ask here first.
// Out:   what they are, the same however they were split: need_more turns into another verdict, which then stays.
// Rules: `no` comes with the first byte that tells. No request is taken for a header, not even one that begins with
//        "PROXY /". Addresses and ports are read strictly, and when all of them are there. TLVs are not looked at.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "packet/flow_key.h"

namespace rebuilder::http {

// The longest line of version 1, with its CRLF. Of version 2 fewer bytes are needed. With so many the verdict is never
// need_more.
inline constexpr std::size_t longest_proxy_line = 107;

struct ProxyHeader {
    enum class Verdict : std::uint8_t {
        no,         // no header
        need_more,  // the bytes may become one
        yes,
        malformed,  // it begins as one, and isn't
    };

    Verdict verdict;
    // With yes: of the whole header. The end of a version 2 header, which nobody has to see, may still be to come, so
    // this may be more than the bytes given.
    std::size_t size = 0;
    bool has_client = false;  // else the connection's own addresses hold: LOCAL, UNKNOWN, a Unix socket
    packet::Endpoint client{};
    packet::Endpoint server{};  // as the client addressed it
};

[[nodiscard]] ProxyHeader parse_proxy_header(Bytes first) noexcept;

}  // namespace rebuilder::http
