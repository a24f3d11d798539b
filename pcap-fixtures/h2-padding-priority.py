#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What changes nothing about a request: padding of every size, priorities, frames and settings of unknown kinds, flags
without a meaning, the reserved bit."""

import struct

from http2 import (DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, PREFACE, PRIORITY, SETTINGS, WITH_PRIORITY, Http2,
                   data, frame, get, post, settings, unsized)
from recipe import Capture, pattern

GREASE, ALTSVC, ORIGIN, PRIORITY_UPDATE = 0xBA, 0x0A, 0x0C, 0x10
UNKNOWN_FLAGS = 0xD2


def padded(kind, stream, content, pad, flags=0, priority=b""):
    return frame(kind, stream, bytes([pad]) + priority + content + bytes(pad), flags | PADDED)


def priority(on, weight=16, exclusive=False):
    return struct.pack(">IB", exclusive << 31 | on, weight - 1)


capture = Capture(__file__)
h2 = Http2(capture)
h2.open(PREFACE + settings((0x0A0A, 0x12345678), (9, 1), (0xFAFA, 0)))
h2.send(frame(PRIORITY, 3, priority(0, 201)) + frame(PRIORITY, 5, priority(3, 1, exclusive=True)))


def header_frame(request, pad=None, depends=b"", flags=0):
    block, stream = h2.hpack.block(request.fields()), h2.next_stream()
    flags |= END_HEADERS | (WITH_PRIORITY if depends else 0)
    if pad is None:
        return frame(HEADERS, stream, depends + block, flags)
    return padded(HEADERS, stream, block, pad, flags, depends)


def bodiless(target, **more):
    request = get(target)
    h2.expect(request, h2.send(header_frame(request, flags=END_STREAM, **more)))


bodiless("/priority", depends=priority(0, 256))
bodiless("/exclusive", depends=priority(1, 1, exclusive=True))
bodiless("/pad-0", pad=0)
bodiless("/pad-1", pad=1)
bodiless("/pad-255", pad=255)
bodiless("/both", pad=9, depends=priority(5))

request = unsized("/padded-data", pattern(600))
ts = h2.send(header_frame(request, pad=20))
h2.send(padded(DATA, h2.stream, request.body[:200], 255) + padded(DATA, h2.stream, request.body[200:400], 0))
h2.send(padded(DATA, h2.stream, b"", 100) + padded(DATA, h2.stream, request.body[400:], 1, END_STREAM))
h2.expect(request, ts)

request = post("/unknown-frames", pattern(100, 1))
ts = h2.send(frame(GREASE, 0, b"grease") + header_frame(request, depends=priority(0)))
h2.send(frame(PRIORITY_UPDATE, 0, struct.pack(">I", h2.stream) + b"u=2, i") + data(h2.stream, request.body[:50]))
h2.send(frame(GREASE, h2.stream, pattern(99, 2), 0xFF) + frame(ALTSVC, 0, b"\0\0") + frame(ORIGIN))
h2.send(frame(PRIORITY, h2.stream, priority(1, 2)) + frame(0xFF, 12345) + data(h2.stream, request.body[50:], end=True))
h2.expect(request, ts)

request, reserved = unsized("/flags-and-reserved-bits", b"body"), 1 << 31
block, stream = h2.hpack.block(request.fields()), h2.next_stream() | reserved
h2.expect(request, h2.send(frame(HEADERS, stream, block, END_HEADERS | UNKNOWN_FLAGS)))
h2.send(frame(SETTINGS, reserved) + frame(DATA, stream, b"body", END_STREAM | UNKNOWN_FLAGS | END_HEADERS))
h2.request(get("/after"))
h2.close()
capture.save(requests_started=10, requests_rebuilt=10, streams_http2=1, http2_lost_framing=0,
             http2_ignored_data_bytes=0, http2_length_mismatches=0)
