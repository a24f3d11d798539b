#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A hole between any two of 1201 waiting segments, and a segment whose place is behind 550 of them and in front of more: that
is too far to look from either end, so the first holes are given up, until it is within 512, although less than a second has passed. What would have filled them
comes too late."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client(mss=40)
capture.add(client.open())
frames = client.send(post("/lost", pattern(100_000)).wire())
first = 4  # behind the head
waiting = frames[first + 1 : first + 2402 : 2]
filling = frames[first : first + 2402 : 2]
capture.add([*frames[:first], *waiting, filling[550], *filling[:550], *filling[551:], *frames[first + 2402 :]])
capture.request(client, get("/after"))
capture.add(client.fin())
capture.save(requests_started=2, requests_rebuilt=1, requests_lost_to_gap=1, tcp_gaps=38, tcp_gap_bytes=38 * 40)
