#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Inner frames of 8.4 KB, as a source with a large MTU sends them, whole in the mirror."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client(mss=8381)
capture.add(client.open())
capture.request(client, get("/small"))
capture.request(client, post("/jumbo", pattern(60_000)))
capture.request(client, get("/jumbo-head", *[("Cookie", f"c{i}=" + "x" * 700) for i in range(10)]))
capture.add(client.fin())
capture.save(requests_rebuilt=3, tcp_truncated_segments=0)
