#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A body above --max-body: cut, marked with its full length, and the next request is where it should be."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client(mss=8381)
capture.add(client.open())
body = (pattern(1009) * 1190)[:1_200_000]
capture.request(client, post("/large", body))
capture.request(client, get("/after"))
capture.add(client.fin())
capture.save(requests_rebuilt=2, requests_truncated=1, request_body_bytes=1_200_000)
