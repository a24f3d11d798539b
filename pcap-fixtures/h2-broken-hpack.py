#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Header blocks that no decoder can follow, each on a connection of its own: nothing behind them can be read, so the
connection is left alone. Another one goes on."""

from http2 import EOS, NEVER_INDEXED, Http2, get, headers, huffman, indexed, number, string
from recipe import Capture, Client

NAME = number(0, 4) + string("x-broken")
capture = Capture(__file__)
other = Http2(capture, Client(51000))
other.open()
other.request(get("/other"))
table = 62 + 5  # the first index that is none, once two requests have been sent
BROKEN = (
    indexed(0),
    indexed(table),
    indexed(1 << 20),
    number(table, 6, 0x40) + string("its name"),
    number(table, NEVER_INDEXED[1], NEVER_INDEXED[0]) + string("its name"),
    b"\xff" + b"\xff" * 12 + b"\x7f",                                     # a number without an end
    b"\xff\x80",                                                          # the block ends in a number,
    NAME,                                                                 # in front of a value,
    NAME + number(10, 7) + b"too short",                                  # in one,
    NAME + number(10_000, 7) + b"far too short",
    number(0, 4) + number(5, 7) + b"name",                                # in a name
    NAME + number(5, 7, 0x80) + huffman("a", EOS)[:5],                    # EOS in Huffman's code
    NAME + number(2, 7, 0x80) + huffman("a")[:1] + b"\xff",               # filled up with more than 7 bits,
    NAME + number(1, 7, 0x80) + b"\x18",                                  # with zeros
    NAME + number(4, 7, 0x80) + b"\xff\xff\xff\xff",                      # nothing but EOS
    number(0, 5, 0x20)                                                    # a size update behind a field
)
for number_of, broken in enumerate(BROKEN):
    h2 = Http2(capture, Client(51001 + number_of))
    h2.open()
    h2.request(get("/before"))
    block = h2.hpack.block(get("/broken").fields())
    assert table == 62 + len(h2.hpack.table)
    h2.send(headers(h2.next_stream(), block + broken, end=True))
    h2.send(h2.wire(get("/behind")))
    h2.close()
other.request(get("/other/still"))
other.close()
count = len(BROKEN)
capture.save(requests_started=2 * count + 2, requests_rebuilt=count + 2, requests_lost_http2_broken=count,
             streams_http2=count + 1, http2_lost_compression=count)
