#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""New connections on the same ports: behind a FIN, behind nothing (the old one's request is lost), with lower
and with nearby sequence numbers, with the SYN sent twice."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client(isn=0x90000000)
capture.add(client.open())
capture.request(client, get("/first"))
capture.add(client.fin())
capture.wait(0.4)

client = Client(isn=0x20000000)
capture.add(client.open())
capture.request(client, get("/second"))
capture.add(client.send(post("/cut-off", pattern(3000)).wire()[:2500]))
capture.wait(0.4)

client = Client(isn=0x20000000 + 3000)
first_syn = client.syn()
capture.add(first_syn)
capture.wait(1.0)
capture.add(first_syn)
capture.add(client.at(0, b""))
capture.request(client, get("/third"))
capture.request(client, post("/fourth", pattern(2000, 1)))
capture.add(client.fin())
capture.save(requests_started=5, requests_rebuilt=4, requests_lost_to_close=1, flows_opened=3)
