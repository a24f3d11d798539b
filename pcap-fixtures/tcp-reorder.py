#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Segments out of order in heads, bodies and across requests; also the FIN before the data. Nothing is lost,
and a request's time is that of the frame with its first byte, not of the frame that arrived first."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client()
capture.add(client.open())

request = post("/body", pattern(6000))
first, *rest = client.send(request.wire())
ts = capture.add(first)
capture.add([rest[2], rest[0], rest[3], rest[1]])
capture.expect(request, client, ts)

request = get("/head")
a, b, c = client.send(request.wire(), 10, 20)
capture.add([c, b])
ts = capture.add(a)
capture.expect(request, client, ts)

several = [get("/one"), get("/two"), post("/three", pattern(30, 1)), get("/four")]
frames = [client.send(request.wire())[0] for request in several]
times = {number: capture.add(frames[number]) for number in (3, 1, 2, 0)}
for number, request in enumerate(several):
    capture.expect(request, client, times[number])

request = get("/last")
frames = client.send(request.wire()) + client.fin()
capture.add(frames[1])
ts = capture.add(frames[0])
capture.expect(request, client, ts)
capture.save(requests_rebuilt=7, tcp_gaps=0, tcp_overlap_conflict=0)
