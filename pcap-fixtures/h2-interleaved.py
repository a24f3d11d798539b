#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Streams whose frames alternate: requests end in another order than they began in, and are printed as they end, each
with the time of its beginning."""

from http2 import Http2, data, get, post, unsized
from recipe import Capture, pattern

capture = Capture(__file__)
h2 = Http2(capture)
h2.open()
requests = [post("/first", pattern(5000)), unsized("/second", pattern(3000, 1)), post("/third", pattern(900, 2))]
streams, times, left = [], [], [request.body for request in requests]
for request in requests:
    times.append(h2.send(h2.head(request)))
    streams.append(h2.stream)


def some(which, size, end=False):
    """So many bytes of the body of one."""
    piece, left[which] = left[which][:size], left[which][size:]
    return data(streams[which], piece, end)


def ended(which):
    assert left[which] == b""
    h2.expect(requests[which], times[which])


h2.send(some(0, 1000) + some(1, 10) + some(2, 300))
h2.send(some(1, 1500) + some(0, 1) + some(2, 600, end=True) + some(0, 1999))
ended(2)
h2.request(get("/in-between"))
h2.send(some(0, 2000, end=True) + some(1, 1000))
ended(0)
capture.wait(2)
h2.send(some(1, 490, end=True))
ended(1)

# Two in one segment, in the order in which they end.
late, early = unsized("/late", b"late"), get("/early")
ts = h2.send(h2.head(late) + h2.wire(early) + data(h2.stream - 2, b"late", end=True))
h2.expect(early, ts)
h2.expect(late, ts)
h2.close()
capture.save(requests_started=6, requests_rebuilt=6, streams_http2=1)
