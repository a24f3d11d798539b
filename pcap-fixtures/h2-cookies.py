#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Cookies in crumbs, which the record has as they came, and in one; other fields that come twice."""

from http2 import Http2, get
from recipe import Capture

capture = Capture(__file__)
h2 = Http2(capture)
h2.open()
crumbs = [("cookie", "session=0123456789"), ("cookie", "theme=dark"), ("cookie", "empty=")]
h2.request(get("/crumbs", *crumbs))
h2.request(get("/crumbs-again", *crumbs, ("cookie", "new=1")))
h2.request(get("/between", ("cookie", "a=1"), ("x-between", "1"), ("cookie", "b=2"), ("accept", "text/html")))
h2.request(get("/in-one", ("cookie", "a=1; b=2; c=3")))
h2.request(get("/empty", ("cookie", ""), ("cookie", "a=1")))
h2.close()
capture.save(requests_started=5, requests_rebuilt=5, streams_http2=1)
