#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""More CONTINUATION frames than the limit of 64: one too many; and a thousand empty ones, as an attack sends them. What
comes behind them on the connection is not the point here."""

from http2 import CONTINUATION, HEADERS, Http2, frame, get
from recipe import Capture, Client

capture = Capture(__file__)
h2 = Http2(capture)
h2.open()
h2.request(get("/before"))
h2.send(h2.head(get("/one-too-many"), *[1] * 65, end=True))
h2.close()

h2 = Http2(capture, Client(51235))
h2.open()
h2.request(get("/before"))
block = h2.hpack.block(get("/flood").fields())
h2.send(frame(HEADERS, h2.next_stream(), block) + frame(CONTINUATION, h2.stream) * 1000)
h2.close()
capture.save(requests_started=4, requests_rebuilt=2, requests_lost_continuations=2, streams_http2=2)
