#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Frames that contradict themselves or can't come from a client: padding longer than its frame, PUSH_PROMISE. Where it
is a header block's nobody can read on; where it is DATA's, that request is lost."""

from http2 import (DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, PUSH_PROMISE, WITH_PRIORITY, Http2, frame, get,
                   unsized)
from recipe import Capture, Client

capture = Capture(__file__)
other = Http2(capture, Client(51000))
other.open()
other.request(get("/other"))
whole = END_HEADERS | END_STREAM


def header_frame(h2, before, flags):
    return frame(HEADERS, h2.next_stream(), before + h2.hpack.block(get("/broken").fields()), flags | whole)


BROKEN = (
    lambda h2: header_frame(h2, b"\xff", PADDED),
    lambda h2: frame(HEADERS, h2.next_stream(), b"", PADDED | whole),
    lambda h2: frame(HEADERS, h2.next_stream(), b"\1", PADDED | whole),
    lambda h2: frame(HEADERS, h2.next_stream(), bytes(4), WITH_PRIORITY | whole),
    lambda h2: frame(HEADERS, h2.next_stream(), b"\2" + bytes(6), PADDED | WITH_PRIORITY | whole),
    lambda h2: frame(PUSH_PROMISE, h2.stream, b"\0\0\0\2" + h2.hpack.block(get("/broken").fields()), END_HEADERS),
)
BROKEN_DATA = (
    lambda h2: h2.head(unsized("/broken", b"")) + frame(DATA, h2.stream, b"\5body", PADDED | END_STREAM),
    lambda h2: h2.head(unsized("/broken", b"")) + frame(DATA, h2.stream, b"", PADDED | END_STREAM),
)
for number, broken in enumerate(BROKEN + BROKEN_DATA):
    h2 = Http2(capture, Client(51001 + number))
    h2.open()
    h2.request(get("/before"))
    h2.send(broken(h2))
    if broken in BROKEN:
        h2.send(h2.wire(get("/behind")))
    else:
        h2.request(get("/behind"))
    h2.close()
other.request(get("/other/still"))
other.close()
broken, read_on = len(BROKEN), len(BROKEN_DATA)  # PUSH_PROMISE, of the first, begins no request
capture.save(requests_started=2 * broken + 3 * read_on + 1, requests_rebuilt=broken + 2 * read_on + 2,
             requests_lost_http2_broken=broken - 1, requests_lost_http2_malformed=read_on,
             streams_http2=broken + read_on + 1, http2_lost_framing=broken)
