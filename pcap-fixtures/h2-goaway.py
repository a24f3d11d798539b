#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The client says GOAWAY, which is about the server's streams: its own requests go on, open ones and new ones."""

from http2 import GOAWAY, Http2, data, frame, get, unsized
from recipe import Capture

capture = Capture(__file__)
h2 = Http2(capture)
h2.open()
h2.request(get("/before"))
opened = unsized("/open", b"body")
ts = h2.send(h2.head(opened) + data(h2.stream, b"bo"))
h2.send(frame(GOAWAY, 0, bytes(8)))
h2.send(data(h2.stream, b"dy", end=True))
h2.expect(opened, ts)
h2.request(get("/new"))
h2.send(frame(GOAWAY, 0, bytes(8) + b"why not"))
h2.request(get("/newer"))
h2.close()
capture.save(requests_started=4, requests_rebuilt=4, streams_http2=1)
