#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""IPv4 options in the outer and in the inner header: the next header begins where the header length says."""

from scapy.layers.inet import IP, IPOption_NOP, IPOption_RR

from recipe import Capture, Client, get, outer, outer_port, pattern, post, vxlan_header


def mirror(frame):
    inner = frame.copy()
    inner[IP].options = [IPOption_RR(routers=["0.0.0.0"] * 9), IPOption_NOP()]
    mirrored = outer(vxlan_header(1377) + bytes(inner), outer_port(frame))
    mirrored[IP].options = [IPOption_NOP()] * 4
    return bytes(mirrored)


capture = Capture(__file__, mirror, vni=1377)
client = Client()
capture.add(client.open())
capture.request(client, get("/options"))
capture.request(client, post("/options", pattern(2000)))
capture.add(client.fin())
capture.save(requests_rebuilt=2)
