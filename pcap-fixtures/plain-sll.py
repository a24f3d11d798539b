#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Link type LINUX_SLL, as tcpdump writes it for the device "any"."""

from scapy.layers.l2 import CookedLinux

from recipe import GATEWAY_MAC, Capture, Client, get, pattern, post

cooked = CookedLinux(pkttype=0, lladdrtype=1, lladdrlen=6,
                     src=bytes.fromhex(GATEWAY_MAC.replace(":", "")) + b"\0\0")
capture = Capture(__file__, lambda frame: bytes(cooked / frame.payload), link=113)
for client in (Client(), Client(51235, src="2001:db8:4::7", dst="2001:db8::1")):
    capture.add(client.open())
    capture.request(client, get("/cooked"))
    capture.request(client, post("/cooked", pattern(2000)))
    capture.add(client.fin())
capture.save(requests_rebuilt=4)
