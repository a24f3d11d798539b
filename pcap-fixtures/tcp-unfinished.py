#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Requests that never end: by FIN, by RST, and by the end of the capture. None is made up, each has its
counter."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
for port, end in ((51234, "fin"), (51235, "rst"), (51236, "")):
    client = Client(port)
    capture.add(client.open())
    capture.request(client, get("/whole"))
    capture.add(client.send(post("/no-end", pattern(3000)).wire()[:-1]))
    capture.add(getattr(client, end)() if end else [])
for port, end in ((51237, "fin"), (51238, "rst"), (51239, "")):
    client = Client(port)
    capture.add(client.open())
    capture.add(client.send(get("/no-end").wire()[:-2]))
    capture.add(getattr(client, end)() if end else [])
capture.save(requests_started=9, requests_rebuilt=3, requests_lost_to_close=4, requests_lost_to_drain=2)
