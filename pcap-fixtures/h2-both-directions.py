#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Both directions: the server's SETTINGS say how large the dynamic table may be (0, then more; more than the default,
then less), before the client's preface or behind it; answers are recognised and left alone."""

from http2 import (ACK, GREETING, HEADER_TABLE_SIZE, MAX_FRAME_SIZE, PING, SETTINGS_ACK, Http2, data, frame, get,
                   headers, post, settings, window_update)
from recipe import Capture, Client, pattern

capture = Capture(__file__)


class Dialogue(Http2):
    def __init__(self, port):
        super().__init__(capture, Client(port))
        self.server = Http2(capture, self.client).hpack
        capture.add(self.client.open(both=True))

    def reply(self, octets):
        capture.add(self.client.reply(octets))

    def request(self, request, *sizes, resize=None):
        """The first header block behind new settings says so (RFC 7541, section 4.2); then the answer."""
        if resize is None:
            ts = self.send(self.wire(request, *sizes))
        else:
            block = self.hpack.resize(resize) + self.hpack.block(request.fields())
            ts = self.send(headers(self.next_stream(), block, end=True))
        self.expect(request, ts)
        self.answer()

    def answer(self):
        fields = [(":status", "200"), ("content-length", "3000"), ("x-stream", str(self.stream))]
        self.reply(headers(self.stream, self.server.block(fields)) + data(self.stream, pattern(3000), end=True))


big = [("x-big", f"{i}-" * 1000) for i in range(3)]
h2 = Dialogue(51001)
h2.send(GREETING)
early = get("/in-the-table", ("x-one", "1"))
h2.expect(early, h2.send(h2.wire(early)))
h2.reply(settings((HEADER_TABLE_SIZE, 0), (MAX_FRAME_SIZE, 1 << 20)) + SETTINGS_ACK + window_update(0, 1 << 20))
h2.answer()
h2.send(SETTINGS_ACK)
h2.request(get("/no-table", ("x-one", "1")), resize=0)
h2.request(get("/no-table-still", ("x-one", "1")))
h2.request(post("/large-frame", pattern(30_000)))
h2.reply(settings((HEADER_TABLE_SIZE, 4096)) + frame(PING, 0, bytes(8)))
h2.send(SETTINGS_ACK + frame(PING, 0, bytes(8), ACK))
h2.request(get("/table-again", ("x-one", "1")), resize=4096)
h2.request(get("/table-again", ("x-one", "1")))
capture.add(h2.client.fin() + h2.client.server_fin())

h2 = Dialogue(51002)
h2.reply(settings((HEADER_TABLE_SIZE, 8192)))
h2.send(GREETING + SETTINGS_ACK)
h2.reply(SETTINGS_ACK)
h2.request(get("/larger", *big), resize=8192)
assert len(h2.hpack.table) > 2
h2.request(get("/larger", *big[1:]))
h2.reply(settings((HEADER_TABLE_SIZE, 1000)))
h2.send(SETTINGS_ACK)
h2.request(get("/smaller", ("x-one", "1"), big[0]), resize=1000)
h2.request(get("/smaller", ("x-one", "1")))
capture.add(h2.client.fin() + h2.client.server_fin())
capture.save(requests_started=10, requests_rebuilt=10, streams_http2=2, streams_http2_responses=2,
             http2_lost_compression=0, flows_opened=2, tcp_gaps=0)
