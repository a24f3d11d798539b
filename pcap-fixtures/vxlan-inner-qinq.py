#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The mirrored frame has two tags: 802.1ad around 802.1Q."""

from scapy.layers.l2 import Dot1AD, Dot1Q

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client(tags=[Dot1AD(vlan=11), Dot1Q(vlan=207)])
capture.add(client.open())
capture.request(client, get("/two-tags"))
capture.request(client, post("/two-tags", pattern(2000)))
capture.add(client.fin())
capture.save(requests_rebuilt=2)
