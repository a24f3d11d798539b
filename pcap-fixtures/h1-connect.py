#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""CONNECT is a request; what follows in both segments and time is a tunnel's, whatever it looks like."""

from recipe import Capture, Client, get, pattern

capture = Capture(__file__)
client = Client(dport=3128)
capture.add(client.open())
request = get("db.example.com:443", ("Proxy-Connection", "keep-alive"), method="CONNECT")
capture.request(client, request)
capture.wait(0.05)
capture.add(client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + pattern(506)))
client.answered(3000)
capture.add(client.send(b"\x17\x03\x03\x0b\xb8" + pattern(3000, 1)))
capture.add(client.fin())

client = Client(51300, dport=3128)  # the tunnel's first bytes in the segment of the request
capture.add(client.open())
capture.request(client, request, wire=request.wire() + b"\x00\x01\x02\x03" + pattern(64, 2))
capture.add(client.send(pattern(2000, 3)))
capture.add(client.fin())
capture.save(requests_started=2, requests_rebuilt=2, streams_tunnel=2)
