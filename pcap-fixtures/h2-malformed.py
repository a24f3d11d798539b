#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each form of a request that is refused. The fields of its block are in the dynamic table all the same: the request
behind it needs one of them."""

from http2 import Http2, data, get, headers, unsized
from recipe import Capture

METHOD, SCHEME, AUTHORITY, PATH = get("/malformed").fields()[:4]
PLAIN = ("x-plain", "1")
SECTIONS = (
    [METHOD, SCHEME, AUTHORITY, PATH, ("X-Upper", "1")],
    [METHOD, SCHEME, AUTHORITY, PATH, ("x-uppeR", "1")],
    [METHOD, SCHEME, AUTHORITY, PATH, ("", "no name")],
    [METHOD, SCHEME, AUTHORITY, PATH, (":version", "2")],
    [METHOD, SCHEME, AUTHORITY, PATH, (":", "")],
    [METHOD, SCHEME, AUTHORITY, PATH, (":status", "200")],
    [METHOD, SCHEME, AUTHORITY, PATH, (":Path", "/upper")],
    [METHOD, SCHEME, AUTHORITY, PATH, METHOD],
    [METHOD, SCHEME, AUTHORITY, PATH, (":scheme", "https")],
    [METHOD, SCHEME, AUTHORITY, PATH, (":authority", "other.example.com")],
    [METHOD, SCHEME, AUTHORITY, PATH, (":path", "/other")],
    [SCHEME, AUTHORITY, PATH],
    [METHOD, AUTHORITY, PATH],
    [METHOD, SCHEME, AUTHORITY],
    [PLAIN],
    [],
    [PLAIN, METHOD, SCHEME, AUTHORITY, PATH],
    [METHOD, SCHEME, PATH, PLAIN, AUTHORITY],
    [(":method", "GE T"), SCHEME, AUTHORITY, PATH],
    [(":method", ""), SCHEME, AUTHORITY, PATH],
    [(":method", "GET /injected HTTP/1.1\r\nx:"), SCHEME, AUTHORITY, PATH],
    [(":method", "CONNECT")],
    [(":method", "CONNECT"), SCHEME, AUTHORITY, (":protocol", "websocket")],
)
capture = Capture(__file__)
h2 = Http2(capture)
h2.open()


def next_one(number):
    h2.request(get(f"/behind/{number}", ("x-behind", f"malformed {number}")))


for number, fields in enumerate(SECTIONS):
    if fields:
        fields = [*fields, ("x-behind", f"malformed {number}")]
    block = h2.hpack.block(fields)
    if number % 2:
        h2.send(headers(h2.next_stream(), block, end=True))
    else:  # its body is nobody's
        h2.send(headers(h2.next_stream(), block) + data(h2.stream, b"body") + data(h2.stream, b"body", end=True))
    next_one(number)

TRAILERS = (
    ([("x-late", "1")], False),  # which doesn't end the request
    ([("x-late", "1"), (":path", "/late")], True),
    ([(":status", "200")], True),
    ([("X-Upper", "1")], True),
    ([("", "no name")], True),
)
for number, (fields, end) in enumerate(TRAILERS, len(SECTIONS)):
    block = h2.head(unsized("/malformed", b"body")) + data(h2.stream, b"body")
    block += headers(h2.stream, h2.hpack.block([*fields, ("x-behind", f"malformed {number}")]), end=end)
    h2.send(block if end else block + data(h2.stream, b"body", end=True))
    next_one(number)
h2.close()
count = len(SECTIONS) + len(TRAILERS)
capture.save(requests_started=2 * count, requests_rebuilt=count, requests_lost_http2_malformed=count, streams_http2=1,
             http2_lost_compression=0, http2_lost_framing=0)
