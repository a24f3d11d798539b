#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Inner frames below 60 bytes are padded, here with bytes that would read as text: none may become
payload."""

from recipe import Capture, Client, Vxlan, get, post

capture = Capture(__file__, Vxlan(pad=b"PADDING "))
client = Client(options=False)
requests = [get("/tiny"), post("/tiny", b"abcdef"), post("/tail", b"12"), get("/after")]
tiny, post_tiny, tail, after = requests
capture.add(client.open())
capture.request(client, tiny, 1, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1)
capture.add(client.at(client.offset, b""))
capture.request(client, post_tiny, 100, 1, 2, 3)
capture.request(client, tail, len(tail.head()))
capture.add(client.at(client.offset, b""))
capture.request(client, after)
capture.add(client.fin())
capture.save(requests_started=4, requests_rebuilt=4,
             tcp_payload_bytes=sum(len(request.wire()) for request in requests))
