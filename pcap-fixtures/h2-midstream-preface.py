#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The SYN isn't seen, but the preface is the first that is: nothing is missing."""

from http2 import GREETING, Http2, get, post
from recipe import Capture, pattern

capture = Capture(__file__)
h2 = Http2(capture)
h2.send(GREETING)
h2.request(get("/first"))
h2.request(post("/second", pattern(3000)))
h2.request(get("/first"))
h2.close()
capture.save(requests_started=3, requests_rebuilt=3, streams_http2=1, streams_http2_midstream=0, flows_midstream=1)
