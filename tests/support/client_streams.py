# SPDX-License-Identifier: Apache-2.0
"""What the clients of a capture sent, put together in the plainest way: for captures of well-behaved clients that are
complete and in order, which is checked. Needs scapy."""

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.vxlan import VXLAN


def streams(frames):
    """For each connection its client's bytes, as (frame number, payload) in order."""
    found, expected = {}, {}
    for number, frame in enumerate(frames):
        if TCP not in frame:
            continue
        inner = frame[VXLAN].payload
        network, tcp = inner.getlayer(IPv6) or inner.getlayer(IP), inner[TCP]
        key = (network.src, tcp.sport, network.dst, tcp.dport)
        payload = bytes(tcp.payload)[:segment_length(network, tcp)]
        if "S" in tcp.flags:
            assert key not in found, "a port was used twice"
            found[key], expected[key] = [], (tcp.seq + 1) % 2**32
        elif payload and 0 < (expected[key] - tcp.seq) % 2**32 < 2**31:
            assert (expected[key] - tcp.seq) % 2**32 >= len(payload), "sent again, and more: record again"
        elif payload:
            assert tcp.seq == expected[key], "not complete or not in order: record again"
            found[key].append((number, payload))
            expected[key] = (tcp.seq + len(payload)) % 2**32
    return found


def segment_length(network, tcp):
    total = network.plen if IPv6 in network else network.len - 4 * network.ihl
    return total - 4 * tcp.dataofs


def http1_requests(data):
    """Every request of a stream, with the offsets where it begins and ends."""
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
        yield start, end, {"method": method, "target": target, "version": version, "headers": headers, "body": body}
        position = end


def frame_of(stream, offset):
    """The number of the frame that carried the byte."""
    for number, payload in stream:
        if offset < len(payload):
            return number
        offset -= len(payload)
    raise IndexError(offset)
