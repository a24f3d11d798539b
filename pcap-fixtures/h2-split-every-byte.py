#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every byte in a segment of its own, the preface's, too: no parser state may depend on where a segment ends."""

from http2 import (END_HEADERS, GREETING, HEADERS, PADDED, WITH_PRIORITY, Http2, data, frame, get, headers, post,
                   unsized)
from recipe import Capture, Client

capture = Capture(__file__)
h2 = Http2(capture, Client(options=False, mss=1))
h2.open(GREETING)
h2.request(get("/one?byte=1"))
h2.request(post("/two", b"a=1&b=2"), 3)

request = unsized("/three", b"hello world", trailers=[["x-sum", "7"]])
block = h2.hpack.block(request.fields())
stream = h2.next_stream()
padded = frame(HEADERS, stream, b"\x03" + b"\0\0\0\0\x0f" + block + bytes(3), PADDED | WITH_PRIORITY | END_HEADERS)
trailers = headers(stream, h2.hpack.block([("x-sum", "7")]), 1, 2, end=True)
h2.expect(request, h2.send(padded + data(stream, b"hello") + data(stream, b" world") + trailers))
h2.request(get("/four"))
h2.close()
capture.save(requests_started=4, requests_rebuilt=4, streams_http2=1)
