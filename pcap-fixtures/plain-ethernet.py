#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A capture without a tunnel, as of a span port: the VNI of its records is null."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__, bytes)
client = Client()
capture.add(client.open())
capture.request(client, get("/plain"))
capture.request(client, post("/plain", pattern(2000)))
capture.add(client.fin())
client = Client(51235, src="2001:db8:4::7", dst="2001:db8::1", dport=8080)
capture.add(client.open())
capture.request(client, get("/six"))
capture.add(client.fin())
capture.save(requests_rebuilt=3)
