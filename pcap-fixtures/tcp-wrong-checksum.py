#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A client sends a segment that its server drops, as a checksum is wrong, and then another one in its place: a decoy in
front of the request. By default the first copy counts; with --verify-checksums the one that the server takes. TCP's
checksum over IPv4 and over IPv6; the IPv4 header's. A segment that the mirror cut has none that is right, and is taken
all the same."""

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

from recipe import Capture, Client, get, pattern, post


ATTACK = "/attack?id=1'+or+1=1--+-"
HARMLESS = "/harmless".ljust(len(ATTACK), "-")


def wrong(frame, layer=TCP):
    frame = Ether(bytes(frame))  # with all that is computed in it
    frame[layer].chksum ^= 0x0100
    return frame


def hide(client, layer):
    decoy, request, after = get(HARMLESS), get(ATTACK), get("/after")
    capture.add(client.open())
    capture.expect(decoy, client, capture.add([wrong(frame, layer) for frame in client.send(decoy.wire())]))
    client.offset = 0
    capture.expect(request, client, capture.add(client.send(request.wire())), records=capture.verified)
    client.answered()
    ts = capture.add(client.send(after.wire()))
    for records in (capture.records, capture.verified):
        capture.expect(after, client, ts, records=records)
    capture.add(client.fin())


capture = Capture(__file__)
hide(Client(51001), TCP)
hide(Client(51002), IP)
hide(Client(51003, src="2001:db8:7::7", dst="2001:db8:20::20"), TCP)

client = Client(51004, mss=8949)
capture.add(client.open())
whole = get("/before-the-cut")
ts = capture.add([wrong(frame) for frame in client.send(whole.wire() + post("/cut", pattern(8500)).wire())])
for records in (capture.records, capture.verified):
    capture.expect(whole, client, ts, records=records)
capture.add(client.fin())
capture.save(requests_rebuilt=7, requests_lost_to_gap=1, tcp_truncated_segments=1, frame_bad_checksum=0,
             tcp_duplicate_bytes=3 * len(get(ATTACK).wire()))
