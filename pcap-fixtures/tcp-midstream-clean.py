#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The mirror starts between two requests of a kept-alive connection: nothing is lost."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client()
client.offset = 77_777
capture.request(client, post("/first-seen", pattern(3000)))
capture.request(client, get("/second"))
capture.add(client.fin())
capture.save(requests_rebuilt=2, flows_midstream=1)
