#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Requests that their client takes back before their end are lost; behind their end it changes nothing about them."""

from http2 import Http2, data, get, post, reset, unsized
from recipe import Capture, pattern

capture = Capture(__file__)
h2 = Http2(capture)
h2.open()
h2.request(get("/before"))
h2.send(h2.head(post("/in-the-body", pattern(3000))) + data(h2.stream, pattern(1500)))
h2.send(reset(h2.stream))
h2.send(h2.head(unsized("/behind-its-head", b"")) + reset(h2.stream))

whole = post("/length-reached", b"0123")  # but not its end
h2.send(h2.head(whole) + data(h2.stream, whole.body))
h2.send(reset(h2.stream))

h2.request(get("/reset-when-whole"))
h2.send(reset(h2.stream))
together = post("/whole-and-reset-in-one-segment", b"body")
h2.expect(together, h2.send(h2.wire(together) + reset(h2.stream, 0)))

kept = unsized("/kept", b"body")
ts = h2.send(h2.head(kept) + data(h2.stream, b"bo"))
h2.send(h2.head(unsized("/its-neighbour", b"")) + data(h2.stream, b"xx") + reset(h2.stream))
h2.send(data(h2.stream - 2, b"dy", end=True))
h2.expect(kept, ts)
h2.request(get("/after"))
h2.close()
capture.save(requests_started=9, requests_rebuilt=5, requests_lost_cancelled=4, streams_http2=1,
             requests_lost_reset_flood=0)
