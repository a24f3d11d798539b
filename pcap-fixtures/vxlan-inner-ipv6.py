#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""IPv6 inside: plain, and with hop-by-hop and destination options headers before TCP."""

from scapy.layers.inet6 import IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, PadN

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
hop, long_options = IPv6ExtHdrHopByHop(), IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(20))])
for port, extensions in enumerate([[], [hop], [long_options], [hop, long_options]], start=51234):
    client = Client(port, src="2001:db8:4::7", dst="2001:db8::1", extensions=extensions)
    capture.add(client.open())
    capture.request(client, get("/six"))
    capture.request(client, post("/six", pattern(2000)))
    capture.add(client.fin())
capture.save(requests_rebuilt=8, frame_inner_not_tcp=0)
