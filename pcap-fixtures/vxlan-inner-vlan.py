#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The mirrored frame has an 802.1Q tag."""

from scapy.layers.l2 import Dot1Q

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client(tags=[Dot1Q(vlan=207, prio=3)])
capture.add(client.open())
capture.request(client, get("/tagged"))
capture.request(client, post("/tagged", pattern(2000)))
capture.add(client.fin())
capture.save(requests_rebuilt=2)
