#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Connections that the mirror joins after their preface: recognised, counted and left alone, since nobody knows their
dynamic table. Another one, seen from its start, goes on beside them."""

from http2 import PING, Http2, data, frame, get, post, unsized, window_update
from recipe import Capture, Client, pattern

capture = Capture(__file__)
whole = Http2(capture, Client(51000))
whole.open()
whole.request(get("/whole"))


def joined(port):
    """A connection of which the mirror has missed the beginning."""
    h2 = Http2(capture, Client(port))
    h2.client.offset = 54_321
    for i in range(3):
        h2.wire(get(f"/never-seen/{i}"))
    return h2


def goes_on(h2):
    h2.send(h2.wire(get("/never-seen/1")))
    h2.send(h2.wire(post("/not-rebuilt", pattern(3000))))
    h2.close()


h2 = joined(51001)
h2.send(h2.wire(get("/not-rebuilt")))
goes_on(h2)

h2 = joined(51002)
h2.send(window_update(0, 30_000) + window_update(5, 30_000))
goes_on(h2)

h2 = joined(51003)
h2.send(frame(PING, 0, b"8 bytes!"))
goes_on(h2)

h2 = joined(51004)
h2.head(unsized("/never-seen", b""))
h2.send(data(h2.stream, pattern(100)))
goes_on(h2)

whole.request(get("/whole/still"))
whole.close()
capture.save(requests_started=2, requests_rebuilt=2, streams_http2=1, streams_http2_midstream=4, flows_midstream=4,
             streams_http1=0)
