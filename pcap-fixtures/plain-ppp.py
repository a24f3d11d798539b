#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Link type PPP: with the address and control bytes of HDLC's framing, and without."""

from recipe import Capture, Client, get, pattern, post

PROTOCOLS = {0x0800: b"\0\x21", 0x86DD: b"\0\x57"}
capture = Capture(__file__, None, link=9)
for number, framing in enumerate((b"\xff\x03", b"")):
    def wrap(frame):
        return framing + PROTOCOLS[frame.type] + bytes(frame.payload)

    for client in (Client(51234 + number), Client(51234 + number, src="2001:db8:4::7", dst="2001:db8::1")):
        capture.add(client.open(), wrap)
        capture.request(client, get("/ppp"), wrap=wrap)
        capture.request(client, post("/ppp", pattern(2000)), wrap=wrap)
        capture.add(client.fin(), wrap)
capture.save(requests_rebuilt=8)
