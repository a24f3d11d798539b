#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reserved bits of the VXLAN header are set, as other clouds do: ignored."""

from recipe import Capture, Client, Vxlan, get

capture = Capture(__file__, Vxlan(vni=0xFFFFFF, flags=0xFF, reserved=0xFF))
client = Client()
capture.add(client.open())
capture.request(client, get("/reserved"))
capture.add(client.fin())
client = Client(51235)
capture.add(client.open(), wrap=Vxlan(vni=0))
capture.request(client, get("/vni-0"), wrap=Vxlan(vni=0), vni=0)
capture.save(requests_rebuilt=2, frame_vxlan_no_vni=0)
