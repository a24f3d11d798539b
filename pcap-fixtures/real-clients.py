#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Live programs through the kernel's mirror: what curl, Python's http.client and a bare socket send to an
nginx, copied by nftables into a Linux VXLAN device and captured where the appliance would receive it.

    real-clients.py [OUTPUT_DIRECTORY]

Needs root, and makes a new capture each time: ports, times and sequence numbers differ. The one that is here
was made on Debian 12 with Linux 6.18, nginx 1.22.1, curl 7.88.1, Python 3.11.2, nftables 1.0.6 and
tcpdump 4.99.3, in four namespaces (tests/system/lab.py). It has IPv4 and IPv6 inside, a multipart upload,
chunked bodies, Expect: 100-continue, HTTP/1.0, keep-alive, 16 connections at once, five pipelined requests,
and the ARP and ICMPv6 of a real link.

The expected records are no rebuilder's work: each stream is put together here in the plainest way (the
capture is complete and in order, which is checked), and the outcome has to agree, request by request and body
by body, with what nginx itself logged.
"""

import collections
import sys
from pathlib import Path

from scapy.layers.inet import TCP
from scapy.utils import rdpcap

from recipe import Capture, Client, Request

for folder in ("support", "system"):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / folder))
import lab as laboratory  # noqa: E402
import traffic  # noqa: E402
from client_streams import frame_of, http1_requests, streams  # noqa: E402
from lab import MirrorLab, Nginx, Recording  # noqa: E402


def record():
    """Runs the clients; gives the frames at the appliance and the server's log."""
    with MirrorLab() as lab:
        origin, recording = Nginx(lab.origin), Recording(lab.appliance, "mirror")
        sent = traffic.send(lab.client, lab.folder, 60_000)
        file = recording.stop()
        log = origin.requests()
        assert len(log) == sent, f"{sent} requests sent, {len(log)} at the server"
        return rdpcap(str(file)), log


def main():
    frames, log = record()
    capture = Capture(__file__, vni=laboratory.VNI)
    capture.packets = [(round(frame.time * 10**9), bytes(frame)) for frame in frames]

    rebuilt = []
    for (src, sport, dst, dport), stream in streams(frames).items():
        client = Client(sport=sport, src=src, dst=dst, dport=dport)
        for start, end, found in http1_requests(b"".join(payload for _, payload in stream)):
            request = Request(**found)
            rebuilt.append((frame_of(stream, end - 1), start, frame_of(stream, start), client, request))
    rebuilt.sort(key=lambda row: row[:2])  # by completion; within a frame by order
    for _, _, first, client, request in rebuilt:
        capture.expect(request, client, capture.packets[first][0])

    seen = collections.Counter(
        (r["peer"], r["protocol"], r["method"], r["target"], r["host"], r["body"]) for r in log)
    ours = collections.Counter(
        (f"{client.src}:{client.sport}", r.version, r.method, r.target, dict(r.headers)["Host"], r.body)
        for *_, client, r in rebuilt)
    assert seen == ours, f"the server saw {seen - ours}, the capture has {ours - seen}"

    capture.save(frames=len(frames), segments=sum(TCP in frame for frame in frames),
                 requests_started=len(rebuilt), requests_rebuilt=len(rebuilt))
    size = sum(len(data) for _, data in capture.packets)
    assert size < 500_000
    print(f"{capture.path}.pcap: {len(frames)} frames, {size} bytes, {len(rebuilt)} requests")


if __name__ == "__main__":
    main()
