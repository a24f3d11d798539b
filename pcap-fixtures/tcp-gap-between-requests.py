#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A whole request is never seen. No other request is hurt by that."""

from recipe import Capture, Client, get, post

capture = Capture(__file__)
client = Client()
capture.add(client.open())
capture.request(client, get("/before"))
client.send(get("/never-seen").wire())
client.answered()
capture.request(client, post("/after", b"1234"))
capture.wait(1.5)
capture.request(client, get("/end"))
capture.add(client.fin())
capture.save(requests_started=3, requests_rebuilt=3, requests_lost_to_gap=0, tcp_gaps=1,
             tcp_gap_bytes=len(get("/never-seen").wire()))
