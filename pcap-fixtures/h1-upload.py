#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A body of 300 KB in 208 segments, kept whole."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client()
capture.add(client.open())
capture.request(client, post("/upload", pattern(300_000)))
capture.request(client, get("/after"))
capture.add(client.fin())
capture.save(requests_rebuilt=2, requests_truncated=0, request_body_bytes=300_000)
