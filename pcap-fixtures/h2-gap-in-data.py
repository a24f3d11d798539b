#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holes inside DATA frames: each costs the request whose body it hits. Frames say how long they are, so those on other
streams and all that comes behind are rebuilt."""

from http2 import Http2, connect, data, get, post, unsized
from recipe import Capture, pattern

capture = Capture(__file__)
h2 = Http2(capture)
h2.open()
h2.request(get("/before"))

lost, next_one = post("/lost", pattern(6000)), get("/mid-segment")
frames = h2.client.send(h2.wire(lost) + h2.wire(next_one))
capture.add(frames[:2] + frames[3:-1])
h2.expect(next_one, capture.add(frames[-1]))
h2.request(get("/at-a-start"))
capture.wait(1.5)
h2.request(get("/after-the-hole-was-given-up"))

h2.send(h2.wire(post("/lost-too", pattern(3000, 1)))[:-1])
h2.client.send(b"?")  # never seen: the body's last byte, and with it the request's
h2.request(post("/kept", pattern(100, 2)))
capture.wait(1.5)

# A neighbour's body comes in front of the hole and behind it.
neighbour = unsized("/neighbour", pattern(2000, 3))
ts = h2.send(h2.head(neighbour) + data(h2.stream, neighbour.body[:1000]))
mine = h2.stream
frames = h2.client.send(h2.head(unsized("/lost-beside", b"")) + data(h2.stream, pattern(9000, 4)))
capture.add([*frames[:1], *frames[4:]])
h2.send(data(mine, neighbour.body[1000:], end=True) + data(h2.stream, b"the end", end=True))
capture.wait(1.5)
h2.expect(neighbour, ts)

# All of a frame but its header.
h2.send(h2.head(post("/lost-all", pattern(1448, 5))) + data(h2.stream, pattern(1448, 5), end=True)[:9])
h2.client.send(pattern(1448, 5))
h2.request(get("/behind"))
capture.wait(1.5)

# In a tunnel, nobody is hurt.
request = connect("db.example.com:5432")
h2.expect(request, h2.send(h2.head(request)))
frames = h2.client.send(data(h2.stream, pattern(5000, 6)))
capture.add([frames[0], *frames[2:]])
capture.wait(1.5)
h2.request(get("/end"))
h2.close()
capture.save(requests_started=13, requests_rebuilt=9, requests_lost_to_gap=4, streams_http2=1, http2_lost_to_gap=0,
             tcp_gaps=5, tcp_gap_bytes=1448 + 1 + 3 * 1448 + 1448 + 1448)
