#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holes that take a frame's header: from there on, nothing of the connection can be read, since nobody knows the
dynamic table any more. A request whose DATA is as long as its content-length says has lost nothing but its end, and
is rebuilt; the others that are open are lost."""

from http2 import Http2, data, get, post, unsized
from recipe import Capture, Client, pattern

capture = Capture(__file__)
gap_bytes = 0


def connection(port):
    h2 = Http2(capture, Client(port))
    h2.open()
    h2.request(get("/before"))
    return h2


def never_seen(h2, octets):
    global gap_bytes
    gap_bytes += len(octets)
    h2.client.send(octets)


def goes_on(h2):
    """Behind the hole: all is seen, nothing can be read."""
    h2.send(h2.wire(get("/behind")))
    capture.wait(1.5)
    h2.send(h2.wire(get("/long-behind")))
    h2.close()


# Between frames: what is open, and how far it is, decides.
h2 = connection(51001)
whole = post("/whole", pattern(3000))
ts = h2.send(h2.head(whole) + data(h2.stream, whole.body[:1000]) + data(h2.stream, whole.body[1000:]))
last = data(h2.stream, end=True)
h2.send(h2.head(post("/half", pattern(5000, 1))) + data(h2.stream, pattern(5000, 1)[:2000]))
h2.send(h2.head(unsized("/no-length", b"")) + data(h2.stream, pattern(100, 2)))
never_seen(h2, last + h2.wire(get("/never-seen")))
goes_on(h2)
h2.expect(whole, ts)

# From inside a body over the header of the next frame.
h2 = connection(51002)
frames = h2.client.send(h2.wire(post("/hit", pattern(2000, 3))) + h2.wire(get("/hit-too", ("x-long", "?" * 3000))))
capture.add([frames[0], *frames[2:]])
gap_bytes += h2.client.mss
goes_on(h2)

# A request that nobody has seen may have changed the dynamic table.
h2 = connection(51003)
never_seen(h2, h2.wire(get("/never-seen")))
goes_on(h2)

# In a header block, and between the frames of one.
h2 = connection(51004)
frames = h2.client.send(h2.wire(get("/long", ("x-long", "?" * 6000))))
capture.add([frames[0], *frames[2:]])
gap_bytes += h2.client.mss
goes_on(h2)

h2 = connection(51005)
pieces = h2.head(get("/in-pieces", ("x-long", "!" * 100)), 20, 50, end=True)
first, second = 9 + 20, 9 + 50
h2.send(pieces[:first])
never_seen(h2, pieces[first:first + second])
h2.send(pieces[first + second:])
goes_on(h2)
capture.save(requests_started=5 + 3 + 1 + 1 + 1, requests_rebuilt=5 + 1, requests_lost_to_gap=2 + 1 + 1 + 1,
             streams_http2=5, http2_lost_to_gap=5, tcp_gaps=5, tcp_gap_bytes=gap_bytes)
