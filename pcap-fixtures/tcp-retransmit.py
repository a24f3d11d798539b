#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Retransmissions with the same and with other boundaries, in order and waiting, and of requests already
rebuilt. No byte counts twice."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client()
capture.add(client.open())
request = post("/body", pattern(4000))
wire = request.wire()
client.offset = len(wire)


def segment(start, end):
    return capture.add(client.at(start, wire[start:end]))


ts = segment(0, 1000)
segment(1000, 2000)
segment(1000, 2000)        # the same again
segment(500, 1500)         # other boundaries, nothing new
segment(1500, 2500)        # half old, half new
segment(3000, 3500)        # waits
segment(3000, 3500)        # the same again
segment(2900, 3600)        # around what waits
segment(2500, 3100)        # fills the hole and overlaps what waited
segment(0, len(wire))      # all of it in one, with the end
capture.expect(request, client, ts)
sent = 1000 * 5 + 500 * 2 + 700 + 600 + len(wire)

second = get("/second")
capture.request(client, second)
capture.add(client.at(len(wire), second.wire()))  # a rebuilt request again, and with the one before
capture.add(client.at(0, wire + second.wire()))
capture.request(client, get("/third"))
capture.add(client.fin())
again = 2 * len(second.wire()) + len(wire)
capture.save(requests_rebuilt=3, tcp_overlap_conflict=0, tcp_gaps=0,
             tcp_duplicate_bytes=sent - len(wire) + again)
