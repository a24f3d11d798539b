#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""MySQL: the server's greeting, the client's login, a query; both directions, and each alone."""

import struct

from recipe import Capture, dialogue, pattern

CAPABILITIES = 0x19FFA685  # CLIENT_PROTOCOL_41 and what a client of version 8 asks for


def packet(sequence, payload):
    return struct.pack("<I", len(payload))[:3] + bytes([sequence]) + payload


greeting = (b"\x0a" + b"8.0.36-0ubuntu0.22.04.1\0" + struct.pack("<I", 2031) + pattern(8) + b"\0" + b"\xff\xff"
            + b"\xff" + b"\x02\x00" + b"\xff\xdf" + b"\x15" + bytes(10) + pattern(12, 1) + b"\0"
            + b"caching_sha2_password\0")
login = (struct.pack("<IIB", CAPABILITIES, 1 << 24, 255) + bytes(23) + b"shop\0" + b"\x20" + pattern(32, 2)
         + b"orders\0" + b"caching_sha2_password\0")
ok = b"\x00\x00\x00\x02\x00\x00\x00"

capture = Capture(__file__)
dialogue(capture, 3306, [
    ("S", packet(0, greeting)),
    ("C", packet(1, login)),
    ("S", packet(2, b"\x01\x03") + packet(3, ok)),
    ("C", packet(0, b"\x03UPDATE orders SET paid = 1 WHERE id = 42")),
    ("S", packet(1, ok)),
    ("C", packet(0, b"\x01")),
])
capture.save(requests_started=0, streams_mysql=4, streams_unknown=0, streams_http1=0, flows_opened=3)
