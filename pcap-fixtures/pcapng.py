#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The mirror in a pcapng file."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__, suffix=".pcapng")
client = Client()
capture.add(client.open())
capture.request(client, get("/next-generation"))
capture.request(client, post("/next-generation", pattern(2001)))
capture.add(client.fin())
capture.save(requests_rebuilt=2)
