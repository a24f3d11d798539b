#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Two interfaces on the path are mirrored: each frame arrives twice, under one VNI, with other outer
addresses."""

from recipe import Capture, Client, Vxlan, get, pattern, post

capture = Capture(__file__)
second = Vxlan(source="10.0.3.7", other_path=37)
client = Client()


def both(frames):
    times = []
    for frame in frames:
        times.append(capture.add(frame))
        capture.add(frame, wrap=second)
    return times[0]


both(client.open())
requests = [get("/one"), post("/two", pattern(4000)), get("/three")]
for request in requests:
    ts = both(client.send(request.wire()))
    capture.expect(request, client, ts)
    client.answered()
both(client.fin())
capture.save(requests_rebuilt=3, flows_opened=1, tcp_overlap_conflict=0, tcp_gaps=0,
             tcp_duplicate_bytes=sum(len(request.wire()) for request in requests))
