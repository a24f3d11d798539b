#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Two VPCs with the same addresses: equal connections, to the sequence number, under two VNIs, frame by frame
between each other."""

from recipe import Capture, Client, Vxlan, pattern, post

capture = Capture(__file__)
sides = [(vni, Client(), Vxlan(vni)) for vni in (1377, 1378)]
for acts in zip(*(client.open() for _, client, _ in sides)):
    for frame, (_, _, wrap) in zip(acts, sides):
        capture.add(frame, wrap)
for number in range(3):
    requests = [post(f"/{vni}/{number}", pattern(2500, vni + number)) for vni, _, _ in sides]
    frames = [client.send(request.wire()) for (_, client, _), request in zip(sides, requests)]
    times = []
    for acts in zip(*frames):
        for frame, (_, _, wrap) in zip(acts, sides):
            times.append(capture.add(frame, wrap))
    for ts, request, (vni, client, _) in zip(times, requests, sides):
        capture.expect(request, client, ts, vni)
capture.save(requests_rebuilt=6, flows_opened=2, tcp_duplicate_bytes=0, tcp_overlap_conflict=0)
