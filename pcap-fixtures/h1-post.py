#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Content-Length bodies: with the head in one segment, behind it, over several segments, binary, empty."""

from recipe import Capture, Client, pattern, post

capture = Capture(__file__)
client = Client()
capture.add(client.open())
capture.request(client, post("/together", b"name=Ada&year=1815"))
request = post("/apart", pattern(700))
capture.request(client, request, len(request.head()))
capture.request(client, post("/several", pattern(5000, 1)))
capture.request(client, post("/every-byte", bytes(range(256)) * 3))
capture.request(client, post("/looks-like-a-head", b"\r\n\r\nGET /inside HTTP/1.1\r\nHost: x\r\n\r\n"))
capture.request(client, post("/nothing", b""))
capture.add(client.fin())
capture.save(requests_rebuilt=6, requests_truncated=0, request_body_bytes=18 + 700 + 5000 + 768 + 37)
