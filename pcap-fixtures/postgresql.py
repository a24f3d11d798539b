#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL: encryption refused, login, a query; both directions, and each alone. Then a client that doesn't ask for
encryption, and one that cancels a query on a connection of its own."""

import struct

from recipe import Capture, Client, dialogue, pattern


def untyped(payload):
    return struct.pack(">I", len(payload) + 4) + payload


def message(kind, payload):
    return kind + untyped(payload)


startup = untyped(struct.pack(">I", 3 << 16) + b"user\0shop\0database\0orders\0application_name\0psql\0\0")
ready = message(b"Z", b"I")

capture = Capture(__file__)
dialogue(capture, 5432, [
    ("C", untyped(struct.pack(">I", 80877103))),  # SSLRequest
    ("S", b"N"),
    ("C", startup),
    ("S", message(b"R", struct.pack(">I", 5) + pattern(4))),
    ("C", message(b"p", b"md5" + pattern(32) + b"\0")),
    ("S", message(b"R", struct.pack(">I", 0)) + message(b"K", struct.pack(">II", 4711, 12345)) + ready),
    ("C", message(b"Q", b"UPDATE orders SET paid = true WHERE id = 42\0")),
    ("S", message(b"C", b"UPDATE 1\0") + ready),
    ("C", message(b"X", b"")),
])
for number, first in enumerate((startup, untyped(struct.pack(">III", 80877102, 4711, 12345)))):
    client = Client(51010 + number, dport=5432)
    capture.add(client.open())
    capture.add(client.send(first))
    capture.add(client.fin())
capture.save(requests_started=0, streams_postgresql=6, streams_unknown=0, streams_http1=0, flows_opened=5)
