#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Trailer fields behind a chunked body are in the record, apart from the headers; then the connection goes
on."""

from recipe import Capture, Client, chunked, get

capture = Capture(__file__)
client = Client()
capture.add(client.open())
trailers = [["X-Checksum", "8d7f"], ["Server-Timing", "a;dur=1"], ["x-checksum", "again"], ["X-Empty", ""]]
request = chunked("/trailers", b"0123456789", trailers)
request.headers.append(("Trailer", "X-Checksum"))
fields = "".join(f"{name}:  {value} \r\n" for name, value in trailers).encode()
wire = request.head() + b"a\r\n0123456789\r\n0\r\n" + fields + b"\r\n"
capture.request(client, request, wire=wire)
capture.request(client, request, len(request.head()) + 20, 5, wire=wire)
capture.request(client, get("/after"))
capture.add(client.fin())
capture.save(requests_rebuilt=3)
