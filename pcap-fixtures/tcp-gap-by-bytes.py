#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""More than 256 KiB wait behind a hole: it is given up although less than a second has passed, and the
segment that would have filled it comes too late."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client(mss=8381)
capture.add(client.open())
frames = client.send(post("/lost", (pattern(1009) * 300)[:290_000]).wire())
capture.add([frames[0], *frames[2:]])
capture.add(frames[1])
capture.request(client, get("/after"))
capture.add(client.fin())
capture.save(requests_started=2, requests_rebuilt=1, requests_lost_to_gap=1, tcp_gaps=1, tcp_gap_bytes=8381)
