#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Bodies: in one DATA frame and in several, with content-length and without, empty in every way there is."""

from http2 import Http2, data, get, post, unsized
from recipe import Capture, pattern

capture = Capture(__file__)
h2 = Http2(capture)
h2.open()
h2.request(post("/one-frame", b"a=1&b=2", ("content-type", "application/x-www-form-urlencoded")))
h2.request(post("/several-frames", pattern(20_000, 1), ("content-type", "image/png")), 1, 4000, 0, 0, 9000)
h2.request(unsized("/no-length", pattern(3000, 2)), 1000, 1000)
h2.request(post("/length-0", b""))
h2.request(unsized("/nothing", b""))

for request in (unsized("/end-by-an-empty-frame", pattern(500, 3)), unsized("/only-an-empty-frame", b""),
                post("/length-0-and-an-empty-frame", b"")):
    ts = h2.send(h2.head(request) + (data(h2.stream, request.body) if request.body else b""))
    capture.wait(0.1)
    h2.send(data(h2.stream, end=True))
    h2.expect(request, ts)
h2.request(post("/put", pattern(100, 4), method="PUT"))
h2.request(get("/after"))
h2.close()
capture.save(requests_started=10, requests_rebuilt=10, streams_http2=1, http2_length_mismatches=0,
             request_body_bytes=7 + 20_000 + 3000 + 500 + 100)
