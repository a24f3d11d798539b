#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A source MTU of 9001: the mirror keeps 8500 bytes of each frame. The missing tails are holes, their request
is lost, and the ones behind it are rebuilt."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client(mss=8949)
capture.add(client.open())
capture.request(client, get("/before"))
lost = post("/lost", pattern(20_000))
capture.add(client.send(lost.wire(), len(lost.head())))
client.answered()
capture.request(client, get("/behind"))
capture.wait(2)
capture.request(client, post("/fits", pattern(8000, 1)))
capture.request(client, get("/end"))
capture.add(client.fin())
capture.save(requests_started=5, requests_rebuilt=4, requests_lost_to_gap=1, tcp_truncated_segments=2,
             tcp_gap_bytes=2 * (14 + 20 + 32 + 8949 - 8500))
