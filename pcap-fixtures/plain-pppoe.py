#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Link type PPP_ETHER: the header of a PPPoE session, then PPP's protocol number."""

import struct

from recipe import Capture, Client, get, pattern, post

PROTOCOLS = {0x0800: b"\0\x21", 0x86DD: b"\0\x57"}


def session(frame):
    ppp = PROTOCOLS[frame.type] + bytes(frame.payload)
    return struct.pack(">BBHH", 0x11, 0, 7, len(ppp)) + ppp


capture = Capture(__file__, session, link=51)
for client in (Client(), Client(51235, src="2001:db8:4::7", dst="2001:db8::1")):
    capture.add(client.open())
    capture.request(client, get("/pppoe"))
    capture.request(client, post("/pppoe", pattern(2000)))
    capture.add(client.fin())
capture.save(requests_rebuilt=4)
