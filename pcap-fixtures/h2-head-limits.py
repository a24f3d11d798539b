#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Header sections above the limits, by few bytes on the wire: a large entry of the dynamic table, named again and
again, and 300 fields of a byte each. They are lost; the next requests aren't."""

from http2 import Http2, data, get, unsized
from recipe import Capture

capture = Capture(__file__)
h2 = Http2(capture)
h2.open()
large = ("x-large", "?" * 3000)
h2.request(get("/48-kilobytes", *[large] * 16))
h2.send(h2.wire(get("/bomb", *[large] * 200)))
h2.request(get("/behind", large))
h2.send(h2.head(unsized("/bomb", b"", *[large] * 30)) + data(h2.stream, b"body", end=True))
h2.request(get("/250-fields", *[("x-small", "1")] * 248))
h2.send(h2.wire(get("/300-fields", *[("x-small", "1")] * 300)))
h2.request(get("/after"))
h2.close()
capture.save(requests_started=7, requests_rebuilt=4, requests_lost_head_too_large=2, requests_lost_too_many_fields=1,
             streams_http2=1)
