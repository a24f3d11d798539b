#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A hole that is still open when the capture ends: given up then, and what waits behind it is not
forgotten."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client()
capture.add(client.open())
capture.request(client, get("/before"))
lost, last = post("/lost", pattern(4000)), get("/behind-the-hole")
first, _, third = client.send(lost.wire() + last.wire())
capture.add(first)
ts = capture.add(third)  # the rest of the body and the whole next request
capture.expect(last, client, ts)
capture.save(requests_started=3, requests_rebuilt=2, requests_lost_to_gap=1, tcp_gaps=1, tcp_gap_bytes=1448)
