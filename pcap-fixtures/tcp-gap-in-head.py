#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A hole in a head: where the request ends is unknown. It is lost, and the next request line at the start of
a segment is picked up; one in the middle of a segment is not."""

from recipe import Capture, Client, get, post

capture = Capture(__file__)
client = Client()
capture.add(client.open())
capture.request(client, get("/before"))

lost, unseen = get("/lost", ("X-Filler", "f" * 300)), get("/mid-segment")
a, _, c = client.send(lost.wire() + unseen.wire(), 120, 100)
capture.add([a, c])
client.answered()
capture.request(client, post("/resync", b"x=1"))
capture.request(client, get("/and-on"))
capture.wait(1.5)
capture.request(client, get("/end"))
capture.add(client.fin())
capture.save(requests_started=5, requests_rebuilt=4, requests_lost_to_gap=1, tcp_gaps=1, tcp_gap_bytes=100,
             streams_resynced=1)
