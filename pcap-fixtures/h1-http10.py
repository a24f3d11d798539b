#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.0: one request and close, kept alive by word, with a body, without Host."""

from recipe import Capture, Client, Request, get, pattern, post

capture = Capture(__file__)
client = Client()
capture.add(client.open())
capture.request(client, Request("GET", "/close", [["Accept", "*/*"]], version="HTTP/1.0"))
capture.add(client.fin())

client = Client(51235)
capture.add(client.open())
keep = ("Connection", "keep-alive")
capture.request(client, get("/keep/1", keep, version="HTTP/1.0"))
capture.request(client, post("/keep/2", pattern(2000), keep, version="HTTP/1.0"))
capture.request(client, get("/keep/3", version="HTTP/1.0"))
capture.add(client.fin())
capture.save(requests_rebuilt=4, streams_http1=2)
