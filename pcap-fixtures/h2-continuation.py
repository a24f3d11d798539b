#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Header sections that need CONTINUATION frames: 20 KB of cookies cut inside numbers, names and values, by empty frames
too; 64 pieces of a byte or two; trailers in pieces."""

from http2 import Http2, data, get, headers, unsized
from recipe import Capture

capture = Capture(__file__)
h2 = Http2(capture)
h2.open()


def in_pieces(request, *sizes):
    h2.expect(request, h2.send(h2.head(request, *sizes, end=True)))


cookies = [("cookie", f"c{i}={'0123456789abcdef' * 50}{i}") for i in range(32)]
in_pieces(get("/cookies", *cookies), 1, 2, 3, 0, 500, 7, 1, 0, 0, 4093, 777, 16)
in_pieces(get("/cookies-again", *cookies[:16]), 0, 5000, 1)
in_pieces(get("/64-continuations", ("x-long", "?" * 70)), *[1, 2] * 32)
in_pieces(get("/two"), 10)

request = unsized("/trailers", b"body", trailers=[["x-check", "0" * 40], ["x-more", "1" * 40]])
ts = h2.send(h2.head(request, 4, 0) + data(h2.stream, b"bo") + data(h2.stream, b"dy"))
h2.send(headers(h2.stream, h2.hpack.block(map(tuple, request.trailers)), 1, 20, 0, end=True))
h2.expect(request, ts)
h2.request(get("/after"))
h2.close()
capture.save(requests_started=6, requests_rebuilt=6, streams_http2=1, requests_lost_continuations=0)
