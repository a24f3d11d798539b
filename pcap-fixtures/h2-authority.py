#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who is asked: :authority, then the first Host field, then nobody."""

from http2 import Http2, get
from recipe import Capture

capture = Capture(__file__)
h2 = Http2(capture)
h2.open()
h2.request(get("/authority"))
h2.request(get("/authority-and-host", ("host", "shop.example.com")))
h2.request(get("/authority-and-another-host", ("host", "other.example.com")))
h2.request(get("/host-only", ("host", "host.example.com"), authority=None))
h2.request(get("/two-hosts", ("host", "one.example.com"), ("host", "two.example.com"), authority=None))
h2.request(get("/neither", authority=None))
h2.request(get("/port-and-https", authority="[2001:db8::7]:8443", scheme="https"))
h2.request(get("*", method="OPTIONS"))
h2.close()
capture.save(requests_started=8, requests_rebuilt=8, streams_http2=1)
