#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""1100 streams opened and reset within milliseconds: the limit lets 1000 pass, and then 33 a second; streams that begin
when it is used up are refused. Two seconds later there is room again."""

from http2 import Http2, get, reset, unsized
from recipe import Capture

STREAMS, BURST = 1100, 1000
capture = Capture(__file__)
h2 = Http2(capture)
h2.open()
h2.request(get("/before"))
attack = unsized("/reset", b"")
h2.send(b"".join(h2.head(attack) + reset(h2.stream) for _ in range(STREAMS)))
capture.wait(2)
h2.request(get("/after"))
h2.close()
capture.save(requests_started=STREAMS + 2, requests_rebuilt=2, requests_lost_cancelled=BURST,
             requests_lost_reset_flood=STREAMS - BURST, streams_http2=1)
