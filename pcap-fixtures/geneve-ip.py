#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""GENEVE directly around IP, as a Gateway Load Balancer sends it; the VNI is 0."""

import struct

from recipe import Capture, Client, get, outer, outer_port, pattern, post

OPTIONS = bytes.fromhex("01080102" "0a1b2c3d4e5f6071" "01080202" "1122334455667788" "01080301" "cafe4a11")


def geneve(frame):
    header = struct.pack(">BBHI", len(OPTIONS) // 4, 0, frame.type, 0) + OPTIONS
    return bytes(outer(header + bytes(frame.payload), outer_port(frame), dport=6081))


capture = Capture(__file__, geneve, vni=0)
for client in (Client(), Client(51235, src="2001:db8:4::7", dst="2001:db8::1")):
    capture.add(client.open())
    capture.request(client, get("/ip-inside"))
    capture.request(client, post("/ip-inside", pattern(2000)))
    capture.add(client.fin())
capture.save(requests_rebuilt=4)
