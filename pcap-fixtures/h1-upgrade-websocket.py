#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The upgrade request is rebuilt. The 101 is not seen; the masked frames that follow are not requests."""

import struct

from recipe import Capture, Client, get, pattern


def masked(opcode, payload, mask=b"\x37\xfa\x21\x3d"):
    size = len(payload)
    length = struct.pack(">B", 0x80 | size) if size < 126 else struct.pack(">BH", 0x80 | 126, size)
    return bytes([0x80 | opcode]) + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


capture = Capture(__file__)
client = Client()
capture.add(client.open())
capture.request(client, get("/index.html"))
capture.request(client, get(
    "/chat", ("Upgrade", "websocket"), ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "Zml4dHVyZSBrZXkgMTIzNA=="), ("Sec-WebSocket-Version", "13"),
    ("Origin", "http://shop.example.com")))
capture.wait(0.02)
capture.add(client.send(masked(1, b'{"say":"hello"}')))
capture.add(client.send(masked(2, pattern(4000)), 1000, 1, 7))
capture.wait(20)
capture.add(client.send(masked(9, b"ping")))
capture.add(client.send(masked(8, b"\x03\xe8")))
capture.add(client.fin())
capture.save(requests_started=2, requests_rebuilt=2, streams_tunnel=1)
