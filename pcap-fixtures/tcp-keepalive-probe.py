#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Keep-alive probes, one byte before the next one, with a garbage byte or with none: never part of a
request."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client()
capture.add(client.open())


def probe():
    capture.wait(45)
    capture.add(client.at(client.offset - 1, b"\x00"))
    capture.wait(45)
    capture.add(client.at(client.offset - 1, b""))


probe()
capture.request(client, get("/first"))
probe()
request = post("/second", pattern(1500))
ts = capture.add(client.send(request.wire()[:40]))
probe()
capture.add(client.send(request.wire()[40:900]))
probe()
capture.add(client.send(request.wire()[900:]))
capture.expect(request, client, ts)
probe()
capture.request(client, get("/third"))
capture.add(client.fin())
capture.save(requests_rebuilt=3, tcp_duplicate_bytes=5, tcp_gaps=0, requests_lost_to_idle=0)
