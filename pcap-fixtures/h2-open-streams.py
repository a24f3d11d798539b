#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""300 streams open at once: 256 are followed, the others refused. What they left in the dynamic table counts, and once
the others have ended, there is room again."""

from http2 import Http2, data, get, unsized
from recipe import Capture

OPEN, LIMIT = 300, 256
capture = Capture(__file__)
h2 = Http2(capture)
h2.open()
requests, streams, times = [], [], []
for number in range(OPEN):
    requests.append(unsized("/open", f"body {number}".encode(), ("x-number", str(number))))
    times.append(h2.send(h2.head(requests[-1])))
    streams.append(h2.stream)
h2.send(b"".join(data(stream, request.body, end=True) for stream, request in zip(streams, requests)))
for request, ts in zip(requests[:LIMIT], times):
    h2.expect(request, ts)
h2.request(get("/after", ("x-number", str(OPEN - 1))))
h2.close()
capture.save(requests_started=OPEN + 1, requests_rebuilt=LIMIT + 1, requests_lost_refused=OPEN - LIMIT, streams_http2=1)
