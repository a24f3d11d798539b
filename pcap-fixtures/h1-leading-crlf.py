#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Empty lines before a request: at the start, behind a body as old browsers send them, in a segment of their
own. The time of a request is that of its first own byte."""

from recipe import Capture, Client, get, post

capture = Capture(__file__)
client = Client()
capture.add(client.open())
request = get("/first")
capture.request(client, request, wire=b"\r\n\r\n" + request.wire())
request = post("/form", b"a=b")
capture.request(client, request, wire=request.wire() + b"\r\n")
capture.request(client, get("/behind-a-body"))
capture.add(client.send(b"\r\n"))
capture.wait(0.5)
capture.request(client, get("/behind-a-lone-line"))
request = get("/lf")
capture.request(client, request, wire=b"\n\n" + request.wire())
capture.add(client.fin())
capture.save(requests_started=5, requests_rebuilt=5)
