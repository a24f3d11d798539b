#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Trailer sections: behind DATA, behind an empty DATA frame, without any; they end the request."""

from http2 import Http2, data, get, headers, post, unsized
from recipe import Capture, pattern

capture = Capture(__file__)
h2 = Http2(capture)
h2.open()
trailers = [["x-checksum", "8d7f"], ["server-timing", "a;dur=1"], ["x-checksum", "again"], ["x-empty", ""]]
h2.request(unsized("/trailers", pattern(3000), ("trailer", "x-checksum"), trailers=trailers), 1000)
h2.request(unsized("/no-data", b"", trailers=[["x-only", "trailers"]]))

request = post("/with-length", b"0123456789")
request.trailers = [["x-late", "yes"]]
ts = h2.send(h2.head(request) + data(h2.stream, request.body))
stream, between = h2.stream, get("/in-between")
h2.request(between)
capture.wait(1)
h2.send(data(stream) + headers(stream, h2.hpack.block([("x-late", "yes")]), end=True))
h2.expect(request, ts)

ts = h2.send(h2.head(empty := unsized("/empty-section", b"abc")) + data(h2.stream, b"abc"))
h2.send(headers(h2.stream, b"", end=True))
h2.expect(empty, ts)
h2.request(get("/after", ("x-checksum", "again")))
h2.close()
capture.save(requests_started=6, requests_rebuilt=6, streams_http2=1, request_trailers=6, http2_stray_headers=0)
