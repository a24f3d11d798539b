#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""GETs one after another on one connection, between the frames that say nothing about requests; and a connection whose
first segment has all: preface, SETTINGS, two requests."""

from http2 import GREETING, PING, ACK, SETTINGS_ACK, Http2, frame, get, window_update
from recipe import Capture, Client

capture = Capture(__file__)
h2 = Http2(capture)
h2.open(GREETING + window_update(0, 983_041))
h2.request(get("/"))
h2.send(SETTINGS_ACK)
h2.send(window_update(0, 16_384) + window_update(1, 16_384))
h2.request(get("/style.css?v=2", ("referer", "http://shop.example.com/")))
capture.wait(30)
h2.send(frame(PING, payload=b"a minute"))
h2.send(frame(PING, payload=b"from him", flags=ACK))
h2.request(get("/index.html", method="HEAD"))
h2.close()

h2 = Http2(capture, Client(51235))
first, second = get("/in-the-first-segment"), get("/too")
ts = h2.open(GREETING + h2.wire(first) + h2.wire(second))
h2.expect(first, ts)
h2.expect(second, ts)
h2.send(SETTINGS_ACK)
h2.close()
capture.save(requests_started=5, requests_rebuilt=5, streams_http2=2, streams_http1=0, http2_ignored_data_bytes=0,
             http2_stray_headers=0, flows_opened=2)
