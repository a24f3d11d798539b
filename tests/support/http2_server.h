// SPDX-License-Identifier: Apache-2.0
// HTTP/2 on the connections of a LoopbackServer, in TLS (TlsPeer) or without it (PlainStream).
#pragma once

#include <string>

#include "support/http2_peer.h"
#include "support/loopback_server.h"

namespace rebuilder::test {

struct PlainStream {
    Peer& peer;

    // Bytes as they come; empty at the end.
    std::string read() const {
        std::string part(65536, '\0');
        const ssize_t got = ::recv(peer.fd(), part.data(), part.size(), 0);
        part.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return part;
    }
    void send(const std::string& text) const { peer.send(text); }
};

// Until the connection ends.
template <class Stream>
void serve_http2(Stream& stream, const Http2Peer::Script& script, const Http2Peer::Options& options) {
    Http2Peer http2(script, options);
    for (;;) {
        stream.send(http2.output());
        const std::string bytes = stream.read();
        if (bytes.empty() || !http2.feed(as_bytes(bytes))) return;
    }
}

}  // namespace rebuilder::test
