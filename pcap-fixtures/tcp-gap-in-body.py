#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A segment of a body is never seen. Its request is lost; Content-Length keeps the framing, so the next
requests are rebuilt, even one that begins in the middle of a segment behind the hole."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client()
capture.add(client.open())
capture.request(client, get("/before"))

lost, next_one, third = post("/lost", pattern(6000)), get("/mid-segment"), get("/at-a-start")
frames = client.send(lost.wire() + next_one.wire())
capture.add(frames[:2] + frames[3:-1])
ts = capture.add(frames[-1])
capture.expect(next_one, client, ts)
capture.request(client, third)
capture.wait(1.5)
capture.request(client, get("/after-the-hole-was-given-up"))

wire = post("/lost-too", pattern(3000, 1)).wire()
capture.add(client.send(wire[:-1]))
client.send(wire[-1:])  # never seen: the body's last byte
capture.request(client, post("/kept", pattern(100, 2)))
capture.wait(1.5)
capture.request(client, get("/end"))
capture.add(client.fin())
capture.save(requests_started=8, requests_rebuilt=6, requests_lost_to_gap=2, tcp_gaps=2,
             tcp_gap_bytes=1448 + 1)
