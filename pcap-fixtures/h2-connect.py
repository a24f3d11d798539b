#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""CONNECT is whole when its head is; its DATA is a tunnel's, whatever it looks like. So is an extended CONNECT
(RFC 8441), as browsers open WebSockets with. Other streams go on."""

from http2 import Http2, Request, connect, data, get, reset
from recipe import Capture, pattern

capture = Capture(__file__)
h2 = Http2(capture)
h2.open()
request = connect("db.example.com:5432", ("proxy-authorization", "Basic Zml4dHVyZTo="))
h2.expect(request, h2.send(h2.head(request)))
tunnel = h2.stream
capture.wait(0.1)
h2.send(data(tunnel, get("/not-a-request").head() + b"\r\n"))
h2.request(get("/beside"))

websocket = Request("CONNECT", "/chat?room=1", [("sec-websocket-version", "13"), ("origin", "http://shop.example.com")],
                    protocol="websocket")
h2.expect(websocket, h2.send(h2.head(websocket) + data(h2.stream, b"\x81\x80" + bytes(4))))
h2.send(data(h2.stream, pattern(3000)) + data(tunnel, pattern(100, 1), end=True))
h2.request(get("/beside"))
h2.send(data(h2.stream - 2, pattern(500, 2)) + reset(h2.stream - 2))

at_once = connect("[2001:db8::7]:443")
h2.expect(at_once, h2.send(h2.head(at_once, end=True)))
h2.request(get("/after"))
h2.close()
ignored = len(get("/not-a-request").head()) + 2 + 6 + 3000 + 100 + 500
capture.save(requests_started=6, requests_rebuilt=6, streams_http2=1, http2_tunnels=3, http2_ignored_data_bytes=ignored,
             requests_lost_cancelled=0, http2_length_mismatches=0)
