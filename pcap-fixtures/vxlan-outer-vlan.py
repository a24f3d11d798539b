#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The outer frame is tagged, once and twice."""

from scapy.layers.l2 import Dot1AD, Dot1Q

from recipe import Capture, Client, Vxlan, get, pattern, post

capture = Capture(__file__, Vxlan(tags=[Dot1Q(vlan=100)]))
client = Client()
capture.add(client.open())
capture.request(client, get("/outer-tag"))
two_tags = Vxlan(tags=[Dot1AD(vlan=3), Dot1Q(vlan=100)])
capture.request(client, post("/outer-tags", pattern(2000)), wrap=two_tags)
capture.add(client.fin())
capture.save(requests_rebuilt=2)
