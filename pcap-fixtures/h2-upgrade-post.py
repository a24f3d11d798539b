#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Upgrade: h2c with a body, which is sent whole in HTTP/1.1's form; the preface comes behind it, once in a segment of
its own, once right behind the last chunk."""

import recipe
from http2 import GREETING, Http2, get, post
from recipe import Capture, Client, pattern

UPGRADE = (("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", ""))
capture = Capture(__file__)
h2 = Http2(capture)
capture.add(h2.client.open())
capture.request(h2.client, recipe.post("/upgrade", pattern(2500), *UPGRADE))
h2.stream = 1
h2.send(GREETING)
h2.request(post("/three", pattern(700, 1)))
h2.request(get("/five"))
h2.close()

h2 = Http2(capture, Client(51235))
capture.add(h2.client.open())
request = recipe.chunked("/upgrade-chunked", b"hello world")
request.headers += UPGRADE
h2.stream = 1
first = get("/three")
h2.expect(request, h2.send(request.head() + b"5\r\nhello\r\n"))
ts = h2.send(b"6\r\n world\r\n0\r\n\r\n" + GREETING + h2.wire(first))
h2.expect(first, ts)
h2.request(get("/five"))
h2.close()
capture.save(requests_started=6, requests_rebuilt=6, streams_http1=2, streams_http2=2, http2_upgrades=2)
