#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A mirror through a Gateway Load Balancer endpoint: GENEVE around the IP packet that holds the VXLAN. Both
are taken off; the record's VNI is the mirror session's, that of the VXLAN."""

import struct

from scapy.layers.l2 import Ether

from recipe import Capture, Client, Vxlan, get, outer, pattern, post

OPTIONS = bytes.fromhex("01080102" "0a1b2c3d4e5f6071" "01080202" "1122334455667788" "01080301" "cafe4a11")
HEADER = struct.pack(">BBHI", len(OPTIONS) // 4, 0, 0x0800, 0) + OPTIONS
mirror = Vxlan()


def endpoint(frame):
    mirrored = Ether(mirror(frame)).payload
    return bytes(outer(HEADER + bytes(mirrored), mirrored.sport, dport=6081, source="10.0.8.31"))


capture = Capture(__file__, endpoint, vni=mirror.vni)
client = Client()
capture.add(client.open())
capture.request(client, get("/twice-wrapped"))
capture.request(client, post("/twice-wrapped", pattern(2000)))
capture.add(client.fin())
capture.save(requests_rebuilt=2, frame_tunnel_nested=0)
