#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Something else comes between the frames of a header block, or one of them alone: a server ends such a connection, and
nothing behind can be read for certain. Another connection goes on."""

from http2 import (CONTINUATION, END_HEADERS, HEADERS, PING, PRIORITY, WINDOW_UPDATE, Http2, data, frame, get,
                   reset)
from recipe import Capture, Client

UNKNOWN = 0xBA
capture = Capture(__file__)
other = Http2(capture, Client(51000))
other.open()
other.request(get("/other"))


def connection(port, *frames):
    """A connection that ends with these, each a function of the stream, its header block still open."""
    h2 = Http2(capture, Client(port))
    h2.open()
    h2.request(get("/before"))
    block = h2.hpack.block(get("/interrupted").fields())
    h2.send(frame(HEADERS, h2.next_stream(), block[:10]) + b"".join(make(h2.stream) for make in frames)
            + frame(CONTINUATION, h2.stream, block[10:], END_HEADERS))
    h2.send(h2.wire(get("/behind")))
    h2.close()


INTERRUPTIONS = (
    lambda stream: data(stream, b"body", end=True),
    lambda stream: data(stream - 2, b"body"),
    lambda stream: frame(HEADERS, stream, b"", END_HEADERS),
    lambda stream: frame(CONTINUATION, stream + 2, b"", END_HEADERS),
    lambda stream: frame(PRIORITY, stream, bytes(5)),
    lambda stream: frame(WINDOW_UPDATE, 0, b"\0\0\0\1"),
    lambda stream: frame(PING, 0, bytes(8)),
    lambda stream: frame(UNKNOWN, stream),
    reset,
)
for number, interruption in enumerate(INTERRUPTIONS):
    connection(51001 + number, interruption)

h2 = Http2(capture, Client(51100))
h2.open()
h2.request(get("/before"))
h2.send(frame(CONTINUATION, h2.next_stream(), h2.hpack.block(get("/alone").fields()), END_HEADERS))
h2.send(h2.wire(get("/behind")))
h2.close()

other.request(get("/other/still"))
other.close()
count = len(INTERRUPTIONS)
capture.save(requests_started=2 * count + 3, requests_rebuilt=count + 3, requests_lost_http2_broken=count,
             streams_http2=count + 2, http2_lost_framing=count + 1)
