#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Requests that never end, by FIN, by RST, and by the end of the capture, several open on each connection: none is made
up, each has its counter."""

from http2 import Http2, data, get, post, unsized
from recipe import Capture, Client, pattern

capture = Capture(__file__)
for port, end in ((51234, "fin"), (51235, "rst"), (51236, "")):
    h2 = Http2(capture, Client(port))
    h2.open()
    h2.send(h2.head(post("/no-end", pattern(3000))) + data(h2.stream, pattern(3000)))
    h2.send(h2.head(unsized("/only-a-head", b"")))
    h2.request(get("/whole"))
    h2.send(h2.head(get("/half-a-head", ("x-long", "?" * 100)), 20)[:29])
    capture.add(getattr(h2.client, end)() if end else [])
capture.save(requests_started=12, requests_rebuilt=3, requests_lost_to_close=6, requests_lost_to_drain=3,
             streams_http2=3)
