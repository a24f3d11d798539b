#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Chunked bodies: extensions, quoted extensions, leading zeros, both cases of hex, odd splits of the
segments."""

from recipe import Capture, Client, chunked, get, pattern

capture = Capture(__file__)
client = Client()
capture.add(client.open())

body = pattern(1 + 26 + 200)
request = chunked("/extensions", body)
wire = (request.head() + b"1\r\n" + body[:1] + b"\r\n" + b"00001a;name=value;flag\r\n" + body[1:27] + b"\r\n"
        + b'C8;q="quoted; string"\r\n' + body[27:] + b"\r\n" + b"0;last\r\n\r\n")
capture.request(client, request, wire=wire)

request = chunked("/odd-splits", body)
wire = request.head() + b"e3\r\n" + body + b"\r\n0\r\n\r\n"
start = len(request.head())
capture.request(client, request, start - 1, 2, 1, 1, 3, 226, 1, 1, 1, 1, 1, 1, wire=wire)

request = chunked("/many", pattern(3000, 2))
chunks = [request.body[i:i + 7] for i in range(0, 3000, 7)]
wire = request.head() + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
capture.request(client, request, 500, 501, 502, wire=wire)

request = chunked("/empty", b"")
capture.request(client, request, wire=request.head() + b"0\r\n\r\n")
capture.request(client, get("/after"))
capture.add(client.fin())
capture.save(requests_rebuilt=5, request_body_bytes=227 + 227 + 3000)
