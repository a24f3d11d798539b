#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Requests one after another on one connection, seconds between them, some with a body."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client()
capture.add(client.open())
for number in range(4):
    capture.request(client, get(f"/page/{number}"))
    capture.wait(1.75)
    capture.request(client, post(f"/form/{number}", pattern(100 * number, number)))
    capture.wait(6.5)
capture.add(client.fin())
capture.save(requests_started=8, requests_rebuilt=8, streams_http1=1, flows_opened=1)
