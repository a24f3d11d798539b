#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Link type C_HDLC (Cisco HDLC): an address, a control byte and the ethertype."""

import struct

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__, lambda frame: struct.pack(">BBH", 0x0F, 0, frame.type) + bytes(frame.payload), link=104)
for client in (Client(), Client(51235, src="2001:db8:4::7", dst="2001:db8::1")):
    capture.add(client.open())
    capture.request(client, get("/serial"))
    capture.request(client, post("/serial", pattern(2000)))
    capture.add(client.fin())
capture.save(requests_rebuilt=4)
