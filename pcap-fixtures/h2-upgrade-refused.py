#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A server that doesn't know h2c answers in HTTP/1.1, and so the client goes on."""

from recipe import Capture, Client, get, post

capture = Capture(__file__)
client = Client()
capture.add(client.open())
capture.request(client, get("/upgrade", ("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"),
                            ("HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA")))
capture.wait(0.1)
capture.request(client, get("/second"))
capture.request(client, post("/third", b"body"))
capture.add(client.fin())
capture.save(requests_started=3, requests_rebuilt=3, streams_http1=1, streams_http2=0, http2_upgrades=0)
