#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A capture with times in nanoseconds; the record has microseconds."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__, nanoseconds=True)
capture.now += 321  # below half a microsecond in every frame
client = Client()
capture.add(client.open())
capture.request(client, get("/nanoseconds"))
capture.request(client, post("/nanoseconds", pattern(2000)))
capture.add(client.fin())
capture.save(requests_rebuilt=2)
