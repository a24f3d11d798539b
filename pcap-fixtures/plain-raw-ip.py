#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Link type RAW: each frame begins with an IPv4 or IPv6 header."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__, lambda frame: bytes(frame.payload), link=101)
for client in (Client(), Client(51235, src="2001:db8:4::7", dst="2001:db8::1")):
    capture.add(client.open())
    capture.request(client, get("/raw"))
    capture.request(client, post("/raw", pattern(2000)))
    capture.add(client.fin())
capture.save(requests_rebuilt=4)
