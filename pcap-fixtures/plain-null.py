#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Link type NULL (BSD loopback): a 4 byte address family, then IP. IPv6 has another number on each system."""

import struct

from recipe import Capture, Client, get, pattern, post


def loopback(frame):
    return struct.pack("<I", 2 if frame.type == 0x0800 else 30) + bytes(frame.payload)


capture = Capture(__file__, loopback, link=0)
for client in (Client(), Client(51235, src="2001:db8:4::7", dst="2001:db8::1")):
    capture.add(client.open())
    capture.request(client, get("/loopback"))
    capture.request(client, post("/loopback", pattern(2000)))
    capture.add(client.fin())
capture.save(requests_rebuilt=4)
