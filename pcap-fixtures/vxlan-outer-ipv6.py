#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The tunnel runs over IPv6."""

from recipe import Capture, Client, Vxlan, get, pattern, post

capture = Capture(__file__, Vxlan(source="2001:db8:1::20", target="2001:db8:9::9"))
client = Client()
capture.add(client.open())
capture.request(client, get("/over-six"))
capture.request(client, post("/over-six", pattern(2000)))
capture.add(client.fin())
capture.save(requests_rebuilt=2)
