#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Header sections and DATA where no request is: on a stream that has ended, was reset, or was passed over. They are
nobody's, but what they leave in the dynamic table counts."""

from http2 import Http2, data, get, headers, reset, unsized
from recipe import Capture

capture = Capture(__file__)
h2 = Http2(capture)
h2.open()
h2.request(get("/first"))
h2.send(headers(h2.stream, h2.hpack.block([("x-stray", "on an ended stream")]), end=True) + data(h2.stream, b"12345"))
h2.request(get("/second", ("x-stray", "on an ended stream")))
h2.send(h2.head(unsized("/reset", b"")) + reset(h2.stream))
h2.send(data(h2.stream, b"123") + headers(h2.stream, h2.hpack.block([("x-stray", "on a reset stream")]), end=True))
h2.request(get("/third", ("x-stray", "on a reset stream")))
skipped = h2.next_stream()
h2.request(get("/fourth"))
h2.send(headers(skipped, h2.hpack.block(get("/skipped", ("x-stray", "on a passed stream")).fields()), end=True))
h2.request(get("/after", ("x-stray", "on a passed stream")))
h2.close()
capture.save(requests_started=6, requests_rebuilt=5, requests_lost_cancelled=1, streams_http2=1, http2_stray_headers=3,
             http2_ignored_data_bytes=5 + 3, http2_lost_compression=0)
