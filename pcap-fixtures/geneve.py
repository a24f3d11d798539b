#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""GENEVE with options around an Ethernet frame, and without options."""

import struct

from recipe import Capture, Client, get, outer, outer_port, pattern, post

OPTIONS = bytes.fromhex("01080102" "0a1b2c3d4e5f6071" "01080202" "1122334455667788" "01080301" "cafe4a11")


def geneve(options):
    header = struct.pack(">BBHI", len(options) // 4, 0, 0x6558, 4242 << 8) + options
    return lambda frame: bytes(outer(header + bytes(frame), outer_port(frame), dport=6081))


capture = Capture(__file__, geneve(OPTIONS), vni=4242)
client = Client()
capture.add(client.open())
capture.request(client, get("/options"))
capture.request(client, post("/options", pattern(2000)))
capture.request(client, get("/no-options"), wrap=geneve(b""))
capture.add(client.fin())
capture.save(requests_rebuilt=3)
