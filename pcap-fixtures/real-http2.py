#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Live HTTP/2 in cleartext through the kernel's mirror: what curl, nghttp, h2load, Node's client and a gRPC client send
to Node, nghttpx, nghttpd, nginx and a gRPC server, copied by nftables into a Linux VXLAN device and captured where the
appliance would receive it.

    real-http2.py [OUTPUT_DIRECTORY]

Needs root, and makes a new capture each time: ports, times and sequence numbers differ. The one that is here was made
on Debian 12 with Linux 6.18, curl 7.88.1, nghttp2 1.52.0, Node 20.20.2, grpcio 1.51.1, nginx 1.22.1, nftables 1.0.6
and tcpdump 4.99.3, in four namespaces (tests/system/lab.py). It has prior knowledge and `Upgrade: h2c`, accepted and
refused; up to 100 streams at once, CONTINUATION, priorities, padding, trailers, cookie crumbs, tables of many sizes,
a WebSocket and a CONNECT, cancelled requests, gRPC of every kind with binary metadata.

The expected records are no rebuilder's work: each stream is put together here in the plainest way (the capture is
complete and in order, which is checked), field sections are decoded by python3-hpack, and the outcome has to agree,
request by request, with what the servers themselves logged.
"""

import json
import struct
import sys
from pathlib import Path

import hpack
from scapy.layers.inet import TCP
from scapy.utils import rdpcap

import http2
import recipe
from http2 import CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, PREFACE, RST_STREAM, WITH_PRIORITY
from recipe import Capture, Client

for folder in ("support", "system"):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / folder))
import http2_traffic  # noqa: E402
import lab as laboratory  # noqa: E402
from client_streams import frame_of, http1_requests, streams  # noqa: E402
from http2_servers import HTTP1, UPGRADING, Servers  # noqa: E402
from lab import MirrorLab, Recording  # noqa: E402
from report import difference  # noqa: E402


def frames_of(data, position):
    """(where it begins, where it ends, type, flags, stream, payload without padding and priority) of each frame; a
    field section is one frame."""
    while position < len(data):
        start, section, ends = position, b"", False
        while not ends:
            size, kind, flags, stream = struct.unpack(">IBBI", b"\0" + data[position:position + 9])
            payload = data[position + 9:position + 9 + size]
            position += 9 + size
            if kind in (DATA, HEADERS) and flags & PADDED:
                payload = payload[1:size - payload[0]]
            if kind == HEADERS and flags & WITH_PRIORITY:
                payload = payload[5:]
            if kind != CONTINUATION:
                first = kind, flags, stream
            section += payload
            ends = kind not in (HEADERS, CONTINUATION) or flags & END_HEADERS
        yield start, position, *first, section


def request_of(fields):
    pseudo = {name: value for name, value in fields if name.startswith(":")}
    authority = pseudo.get(":authority")
    return http2.Request(pseudo[":method"], pseudo.get(":path", authority), fields[len(pseudo):], authority=authority,
                         protocol=pseudo.get(":protocol", ""))


def http2_requests(data, position):
    """Every request in the order in which they become whole, with the offsets where it begins and ends; and None for
    each that doesn't."""
    assert data.startswith(PREFACE, position)
    decoder, begun = hpack.Decoder(max_header_list_size=1 << 20), {}
    decoder.max_allowed_table_size = 1 << 20  # the server may have allowed it: we don't see
    for start, end, kind, flags, stream, payload in frames_of(data, position + len(PREFACE)):
        if kind == HEADERS:
            fields = [[text.decode("latin-1") for text in field] for field in decoder.decode(payload, raw=True)]
            if stream in begun:
                begun[stream][1].trailers = fields
            else:
                begun[stream] = start, request_of(fields)
        if stream not in begun:
            continue
        start, request = begun[stream]
        if kind == DATA:
            request.body += payload
        elif kind == RST_STREAM:
            yield None
        if kind == RST_STREAM or flags & END_STREAM or request.method == "CONNECT":
            del begun[stream]
            if kind != RST_STREAM:
                yield start, end, request
    assert not begun


def requests_of(data):
    """Of a stream that is HTTP/2, or HTTP/1.1, or becomes HTTP/2 behind its first request."""
    position = 0
    if not data.startswith(PREFACE):
        for start, position, found in http1_requests(data):
            yield start, position, recipe.Request(**found)
            if data.startswith(PREFACE, position):
                break
    if position < len(data):
        yield from http2_requests(data, position)


def record(lab):
    """Runs the clients; gives the frames at the appliance and the servers, which have stopped."""
    servers, recording = Servers(lab.origin), Recording(lab.appliance, "mirror")
    http2_traffic.send(lab.client, lab.folder, http2_traffic.SMALL)
    file = recording.stop()
    servers.stop()
    return rdpcap(str(file)), servers.all


def main():
    capture = Capture(__file__, vni=laboratory.VNI)
    with MirrorLab() as lab:
        frames, servers = record(lab)
        capture.packets = [(round(frame.time * 10**9), bytes(frame)) for frame in frames]

        rebuilt, ports, cancelled = [], [], 0
        for (src, sport, dst, dport), stream in streams(frames).items():
            ports.append(dport)
            client = Client(sport=sport, src=src, dst=dst, dport=dport)
            for found in requests_of(b"".join(payload for _, payload in stream)):
                if found is None:
                    cancelled += 1
                    continue
                start, end, request = found
                rebuilt.append((frame_of(stream, end - 1), end, frame_of(stream, start), client, request))
        rebuilt.sort(key=lambda row: row[:2])  # by completion; within a frame by order
        for _, _, first, client, request in rebuilt:
            capture.expect(request, client, capture.packets[first][0])

        records = [json.loads(line) for line in capture.records]
        for server in servers:
            ours = [server.view(row) for row in records if int(row["dst"].rpartition(":")[2]) in server.ports]
            assert not (wrong := difference(server.seen(), ours)), f"{server.name}: {wrong}"
        assert cancelled == sum(server.cancelled() for server in servers)

    capture.save(frames=len(frames), segments=sum(TCP in frame for frame in frames),
                 streams_http1=sum(port in (HTTP1, UPGRADING) for port in ports),
                 streams_http2=sum(port != HTTP1 for port in ports), http2_upgrades=ports.count(UPGRADING),
                 http2_tunnels=sum(row[-1].method == "CONNECT" for row in rebuilt),
                 requests_started=len(rebuilt) + cancelled, requests_rebuilt=len(rebuilt),
                 requests_lost_cancelled=cancelled)
    size = sum(len(data) for _, data in capture.packets)
    assert size < 400_000
    print(f"{capture.path}.pcap: {len(frames)} frames, {size} bytes, {len(rebuilt)} requests")


if __name__ == "__main__":
    main()
