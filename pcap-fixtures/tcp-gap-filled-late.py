#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A hole that is filled after 0.7 s was worth waiting for; one filled after 1.6 s was given up before, and
the late segment changes nothing any more. Empty segments of a third connection let the time pass in
between."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
patient, late, clock = Client(51234), Client(51235), Client(51236)
for client in (patient, late, clock):
    capture.add(client.open())

kept, lost, behind = post("/kept", pattern(4000)), post("/lost", pattern(4000, 1)), get("/behind")
kept_frames, lost_frames = patient.send(kept.wire()), late.send(lost.wire())
kept_ts = capture.add([frame for i, frame in enumerate(kept_frames) if i != 1])
capture.add([frame for i, frame in enumerate(lost_frames) if i != 1])
behind_ts = capture.add(late.send(behind.wire()))

capture.wait(0.7)
capture.add(kept_frames[1])
capture.expect(kept, patient, kept_ts)
for _ in range(6):
    capture.wait(0.1)
    capture.add(clock.at(0, b""))
capture.expect(behind, late, behind_ts)  # when the hole was one second old
capture.wait(0.3)
capture.add(lost_frames[1])
capture.request(late, get("/after"))
capture.request(patient, get("/after"))
capture.save(requests_started=5, requests_rebuilt=4, requests_lost_to_gap=1, tcp_gaps=1, tcp_gap_bytes=1448)
