#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A hole in a chunked body: as in a head, the framing is lost with the request."""

from recipe import Capture, Client, chunked, get, pattern

capture = Capture(__file__)
client = Client()
capture.add(client.open())
request = chunked("/lost", pattern(4000))
chunks = [b"1f4\r\n%s\r\n" % request.body[start:start + 500] for start in range(0, 4000, 500)]
wire = request.head() + b"".join(chunks) + b"0\r\n\r\n"
frames = client.send(wire, 600, 600, 600)
del frames[1]
capture.add(frames)
client.answered()
capture.request(client, get("/resync"))
capture.wait(1.5)
capture.request(client, get("/end"))
capture.add(client.fin())
capture.save(requests_started=3, requests_rebuilt=2, requests_lost_to_gap=1, tcp_gaps=1, tcp_gap_bytes=600,
             streams_resynced=1)
