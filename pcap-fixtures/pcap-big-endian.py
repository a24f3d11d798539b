#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A capture written by a host of the other byte order."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__, endian=">")
client = Client()
capture.add(client.open())
capture.request(client, get("/big-endian"))
capture.request(client, post("/big-endian", pattern(2000)))
capture.add(client.fin())
capture.save(requests_rebuilt=2)
