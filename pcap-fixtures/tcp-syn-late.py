#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The SYN arrives behind the first data, inside a request and behind one: it starts nothing anew."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client()
syn = client.open()
request = post("/syn-inside", pattern(2000))
frames = client.send(request.wire())
ts = capture.add(frames[0])
capture.add(syn + frames[1:])
capture.expect(request, client, ts)
capture.request(client, get("/second"))
capture.add(client.fin())

client = Client(51235)
syn = client.open()
capture.request(client, get("/syn-behind"))
capture.add(syn)
capture.request(client, get("/fourth"))
capture.add(client.fin())
capture.save(requests_started=4, requests_rebuilt=4, flows_opened=2, requests_lost_to_close=0)
