#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sequence numbers that pass 2^32: in a head, in a body, between requests, right behind the SYN; also out of
order."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
for port, before in enumerate([30, 1, 0, 2500, len(get("/head").wire()) + 1], start=51234):
    client = Client(port, isn=2**32 - 1 - before)
    capture.add(client.open())
    capture.request(client, get("/head"), 20)
    capture.request(client, post("/body", pattern(5000, port)))

    request = post("/reordered", pattern(4000, port + 10))
    frames = client.send(request.wire())
    ts = capture.add(frames[0])
    capture.add([frames[2], frames[1], *frames[3:]])
    capture.expect(request, client, ts)
    capture.add(client.at(0, get("/head").wire()))  # from before the wrap, again
    capture.add(client.fin())

client = Client(51300, isn=2**32 - 2000)            # the wrap is in the hole
capture.add(client.open())
request = post("/hole-at-the-wrap", pattern(4000, 99))
frames = client.send(request.wire())
ts = capture.add(frames[0])
capture.add([frames[2], frames[1]])
capture.expect(request, client, ts)
capture.add(client.fin())
capture.save(requests_rebuilt=16, tcp_gaps=0, tcp_out_of_window_bytes=0)
