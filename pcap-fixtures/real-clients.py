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
import time
from pathlib import Path

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.vxlan import VXLAN
from scapy.utils import rdpcap

from recipe import Capture, Client, Request

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "system"))
import lab as laboratory  # noqa: E402
import traffic  # noqa: E402
from lab import MirrorLab, Nginx, wait_until  # noqa: E402


def record():
    """Runs the clients; gives the frames at the appliance and the server's log."""
    with MirrorLab() as lab:
        origin = Nginx(lab.origin)
        file, said = lab.folder / "capture.pcap", lab.folder / "tcpdump.err"
        with said.open("wb") as err:
            tcpdump = lab.appliance.start("tcpdump", "-Z", "root", "--immediate-mode", "-U", "-i", "mirror",
                                          "-w", file, "udp port 4789", stderr=err)
        wait_until(lambda: "listening on" in said.read_text(), 10, "tcpdump")
        sent = traffic.send(lab.client, lab.folder, 60_000)
        time.sleep(0.5)  # the last FINs
        tcpdump.terminate()
        tcpdump.wait(10)
        log = origin.requests()
        assert len(log) == sent, f"{sent} requests sent, {len(log)} at the server"
        return rdpcap(str(file)), log


def streams(frames):
    """For each connection its client's bytes, as (frame number, payload) in order."""
    found, expected = {}, {}
    for number, frame in enumerate(frames):
        if TCP not in frame:
            continue
        inner = frame[VXLAN].payload
        assert frame[VXLAN].vni == laboratory.VNI
        network, tcp = inner.getlayer(IPv6) or inner.getlayer(IP), inner[TCP]
        key = (network.src, tcp.sport, network.dst, tcp.dport)
        payload = bytes(tcp.payload)[:segment_length(network, tcp)]
        if "S" in tcp.flags:
            assert key not in found, "a port was used twice"
            found[key], expected[key] = [], (tcp.seq + 1) % 2**32
        elif payload:
            assert tcp.seq == expected[key], "not complete or not in order: record again"
            found[key].append((number, payload))
            expected[key] = (tcp.seq + len(payload)) % 2**32
    return found


def segment_length(network, tcp):
    total = network.plen if IPv6 in network else network.len - 4 * network.ihl
    return total - 4 * tcp.dataofs


def parse(data):
    """Every request of a stream, with the offsets where it begins and ends. For well-behaved clients only."""
    position = 0
    while position < len(data):
        start, end = position, data.index(b"\r\n\r\n", position) + 4
        first, *lines = data[start:end - 4].decode("latin-1").split("\r\n")
        method, target, version = first.split(" ")
        headers = [[name, value.strip()] for name, value in (line.split(":", 1) for line in lines)]
        fields = {name.lower(): value for name, value in headers}
        body = b""
        if fields.get("transfer-encoding") == "chunked":
            size = None
            while size != 0:
                line = data.index(b"\r\n", end)
                size = int(data[end:line].split(b";")[0], 16)
                body += data[line + 2:line + 2 + size]
                assert data[line + 2 + size:line + 4 + size] == b"\r\n"  # no trailers
                end = line + 4 + size
        else:
            length = int(fields.get("content-length", 0))
            body = data[end:end + length]
            assert len(body) == length
            end += length
        yield start, end, Request(method, target, headers, body, version=version)
        position = end


def frame_of(stream, offset):
    """The number of the frame that carried the byte."""
    for number, payload in stream:
        if offset < len(payload):
            return number
        offset -= len(payload)
    raise IndexError(offset)


def main():
    frames, log = record()
    capture = Capture(__file__, vni=laboratory.VNI)
    capture.packets = [(round(frame.time * 10**9), bytes(frame)) for frame in frames]

    rebuilt = []
    for (src, sport, dst, dport), stream in streams(frames).items():
        client = Client(sport=sport, src=src, dst=dst, dport=dport)
        for start, end, request in parse(b"".join(payload for _, payload in stream)):
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
