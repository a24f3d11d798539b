#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Lines that end in LF alone, and requests that mix both line ends."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client()
capture.add(client.open())
for request in (get("/bare"), post("/bare", pattern(50)), get("/bare/again")):
    capture.request(client, request, wire=request.head().replace(b"\r\n", b"\n") + request.body)
request = get("/mixed", ("X-One", "1"))
capture.request(client, request, wire=request.wire().replace(b"\r\n", b"\n", 2))
request = get("/split", ("X-Two", "2"))
wire = request.wire().replace(b"\r\n", b"\n")
capture.request(client, request, wire.index(b"\n"), 1, 5, wire=wire)
capture.request(client, get("/after"))
capture.add(client.fin())
capture.save(requests_rebuilt=6)
