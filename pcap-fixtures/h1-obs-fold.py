#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Folded header values (obs-fold): in the record each fold is one space."""

from recipe import Capture, Client, get

capture = Capture(__file__)
client = Client()
capture.add(client.open())
request = get("/folded", ("X-Folded", "first second third"), ("X-After", "plain"))
wire = request.wire().replace(b"first second third", b"first\r\n second\r\n\t  third")
capture.request(client, request, wire=wire)
capture.request(client, request, wire.index(b"\r\n second"), 1, 1, 1, 6, wire=wire)
capture.request(client, get("/after"))
capture.add(client.fin())
capture.save(requests_rebuilt=3)
