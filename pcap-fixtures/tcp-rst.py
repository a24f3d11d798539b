#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""RST between requests, inside one (it is lost), and with text in it, which is not the stream's."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client()
capture.add(client.open())
capture.request(client, get("/between"))
capture.add(client.rst())

client = Client(51235)
capture.add(client.open())
capture.request(client, get("/before"))
capture.add(client.send(post("/lost", pattern(3000)).wire()[:2000]))
capture.add(client.rst())

client = Client(51236)
capture.add(client.open())
request = post("/text", pattern(100))
capture.request(client, get("/before-text"))
capture.add(client.send(request.wire()[:-20]))
capture.add(client.rst(b"connection reset"))
capture.save(requests_started=5, requests_rebuilt=3, requests_lost_to_close=2, flows_closed=3)
