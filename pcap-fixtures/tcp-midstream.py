#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The mirror starts inside a body. A request line in the middle of a segment is not trusted; the next one at
the start of a segment is picked up, and from there the connection is whole."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client()
client.offset = 123_456
capture.add(client.send(pattern(2 * 1448)))
capture.add(client.send(pattern(500, 1) + get("/part-of-a-body").wire() + pattern(300, 2)))
capture.add(client.send(pattern(200, 3) + get("/lost-behind-the-body").wire()))
client.answered()
capture.request(client, get("/found"))
capture.request(client, post("/also-found", pattern(2000, 4)))
request = get("/pipelined")
both = request.wire() * 2
ts = capture.add(client.send(both))
capture.expect(request, client, ts)
capture.expect(request, client, ts)
capture.add(client.fin())
capture.save(requests_started=4, requests_rebuilt=4, flows_midstream=1, streams_resynced=1, tcp_gaps=0)
