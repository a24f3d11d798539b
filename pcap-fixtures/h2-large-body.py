#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A body above --max-body, most of it in the usual frames, some in one as large as a server may allow: cut, marked with
its full length, and the next request is where it should be."""

from http2 import Http2, get, post
from recipe import Capture, Client, pattern

capture = Capture(__file__)
h2 = Http2(capture, Client(mss=8381))
h2.open()
body = (pattern(1009) * 1190)[:1_200_000]
h2.request(post("/large", body), *[16_384] * 60, 200_000)
h2.request(get("/after"))
h2.close()
capture.save(requests_started=2, requests_rebuilt=2, requests_truncated=1, request_body_bytes=1_200_000,
             streams_http2=1, http2_length_mismatches=0)
