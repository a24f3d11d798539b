#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A head of more than 12 KB over many segments, also with the segments cut small."""

from recipe import Capture, Client, get, pattern

capture = Capture(__file__)
client = Client()
capture.add(client.open())
cookies = [("Cookie", f"session{i}=" + pattern(1000, i).decode().replace("\n", ".")) for i in range(12)]
capture.request(client, get("/big", *cookies))
capture.request(client, get("/big/small-segments", *cookies[:4]), *[53] * 60)
capture.request(client, get("/after"))
capture.add(client.fin())
capture.save(requests_rebuilt=3, requests_lost_head_too_large=0)
