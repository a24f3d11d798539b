#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""content-length says otherwise than DATA: the requests are rebuilt with what came, and counted."""

from http2 import Http2, Request, get, unsized
from recipe import Capture, pattern

capture = Capture(__file__)
h2 = Http2(capture)
h2.open()
h2.request(unsized("/too-small", pattern(100), ("content-length", "99")))
h2.request(unsized("/too-large", pattern(3000, 1), ("content-length", "3001")), 1000)
h2.request(unsized("/nothing-of-7", b"", ("content-length", "7")))
h2.request(unsized("/something-of-0", b"x", ("content-length", "0")))
h2.request(unsized("/with-trailers", b"x", ("content-length", "2"), trailers=[["x-late", "1"]]))
h2.request(get("/get-of-5", ("content-length", "5")))
h2.request(Request("POST", "/right", [("content-length", "4")], b"4444"))
h2.request(get("/after"))
h2.close()
capture.save(requests_started=8, requests_rebuilt=8, streams_http2=1, http2_length_mismatches=6)
