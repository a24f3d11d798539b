#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Data on the SYN (TCP Fast Open): a whole request, and the start of one."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client()
request = get("/on-the-syn")
ts = capture.add(client.syn(request.wire()))
capture.expect(request, client, ts)
capture.request(client, get("/second"))
capture.add(client.fin())

client = Client(51235)
request = post("/begun-on-the-syn", pattern(2000))
ts = capture.add(client.syn(request.wire()[:100]))
capture.add(client.send(request.wire()[100:]))
capture.expect(request, client, ts)
capture.add(client.fin())
capture.save(requests_rebuilt=3, flows_midstream=0, tcp_duplicate_bytes=0)
