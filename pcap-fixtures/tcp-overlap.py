#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A segment that overlaps a waiting one with other bytes: the copy that came first wins, and the conflict
counts."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client()
capture.add(client.open())
request = post("/overlap", pattern(1000))
wire = request.wire()
client.offset = len(wire)
ts = capture.add(client.at(0, wire[:300]))
capture.add(client.at(500, wire[500:700]))                 # waits
capture.add(client.at(400, wire[400:500] + b"#" * 100))    # its first half is new, its second lies
capture.add(client.at(300, wire[300:400]))                 # fills the hole
capture.add(client.at(700, wire[700:]))
capture.add(client.at(600, b"!" * 100))                    # lies about bytes long gone: a duplicate
capture.expect(request, client, ts)
capture.request(client, get("/after"))
capture.add(client.fin())
capture.save(requests_rebuilt=2, tcp_overlap_conflict=1, tcp_duplicate_bytes=200, tcp_gaps=0)
