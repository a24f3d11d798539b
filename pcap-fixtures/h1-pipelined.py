#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Several requests in one segment, and segments that end and begin inside requests (head, body, line end)."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client()
capture.add(client.open())

together = [get("/a"), post("/b", pattern(64)), get("/c"), get("/d")]
ts = capture.add(client.send(b"".join(request.wire() for request in together)))
for request in together:
    capture.expect(request, client, ts)

straddling = [get("/e"), post("/f", pattern(300, 1)), get("/g"), post("/h", b""), get("/i")]
stream = b"".join(request.wire() for request in straddling)
cuts = [0, 90, 91, 93, 250, 450, 611, len(stream)]
times = [capture.add(client.send(stream[start:end])) for start, end in zip(cuts, cuts[1:])]
position = 0
for request in straddling:
    segment = max(i for i, start in enumerate(cuts[:-1]) if start <= position)
    capture.expect(request, client, times[segment])
    position += len(request.wire())
capture.add(client.fin())
capture.save(requests_rebuilt=9)
