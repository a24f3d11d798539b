#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Requests whose stream never ends, by FIN, by RST, and by the end of the capture, several open on each connection. One
that has all that its content-length says, or is a GET without DATA, lacks nothing that a server waits for: where the
connection ends it is finished. The others are lost, each in its counter."""

from http2 import Http2, data, get, post, unsized
from recipe import Capture, Client, pattern

capture = Capture(__file__)
finished = []  # a connection ends a while behind its FIN or RST, which may be forged
for port, end in ((51234, "fin"), (51235, "rst"), (51236, "")):
    h2 = Http2(capture, Client(port))
    h2.open()
    no_end, only_get = post("/no-end", pattern(3000)), get("/no-end")
    started = h2.send(h2.head(no_end) + data(h2.stream, pattern(3000)))
    started_get = h2.send(h2.head(only_get))
    h2.send(h2.head(post("/half-a-body", pattern(3000))) + data(h2.stream, pattern(2000)))
    h2.send(h2.head(unsized("/only-a-head", b"")))
    h2.request(get("/whole"))
    h2.send(h2.head(get("/half-a-head", ("x-long", "?" * 100)), 20)[:29])
    capture.add(getattr(h2.client, end)() if end else [])
    if end:
        finished += [(h2, no_end, started), (h2, only_get, started_get)]
for h2, request, ts in finished:
    h2.expect(request, ts)
capture.save(requests_started=18, requests_rebuilt=7, requests_lost_to_close=6, requests_lost_to_drain=5,
             streams_http2=3)
