#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every byte in a segment of its own: no parser state may depend on where a segment ends."""

from recipe import Capture, Client, chunked, get, post

capture = Capture(__file__)
client = Client(options=False, mss=1)
capture.add(client.open())
capture.request(client, get("/one?byte=1"))
capture.request(client, post("/two", b"a=1&b=2"))
request = chunked("/three", b"hello world", [["X-Sum", "7"]])
wire = request.head() + b"5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 7\r\n\r\n"
capture.request(client, request, wire=wire)
capture.add(client.fin())
capture.save(requests_rebuilt=3)
