# SPDX-License-Identifier: Apache-2.0
"""Transformations of a VXLAN mirror's capture: what networks do to frames, and what other mirrors would have sent for
the same traffic. Each takes frames (support/capture.py) and gives new ones; what is random takes a random.Random, so a
seed makes the same capture each time. Times stay in order: of frames that change places, the places keep their times.
"""

import struct
import zlib
from dataclasses import dataclass, replace

from capture import OUTER_MACS, SYN, checksum, ipv4, mirrored, udp, vxlan_header

SECOND_NS = 10**9
OUTER_HEADERS = 14 + 20 + 8 + 8  # Ethernet, IPv4 without options, UDP, VXLAN
OUTER_V6 = bytes.fromhex("20010db8000000010000000000000020" "20010db8000000090000000000000009")
GENEVE_OPTIONS = bytes.fromhex("01080102" "0a1b2c3d4e5f6071" "01080301" "cafe4a11")


@dataclass
class Mirrored:
    """The parts of a mirrored frame that the transformations keep."""
    source: bytes
    target: bytes
    port: int
    vni: int
    frame: bytes

    def sent(self):
        return mirrored(self.frame, self.vni, self.port, self.source, self.target)


def parts(data):
    """Takes a mirrored frame apart: VXLAN in IPv4 without options and tags, as capture.mirrored() makes it."""
    plain = data[12:15] == b"\x08\x00\x45" and not later(data[14:])
    if not plain or data[23] != 17 or data[36:38] != b"\x12\xb5":
        raise ValueError("not VXLAN in plain IPv4")
    port, vni = struct.unpack_from(">H10xI", data, 34)
    return Mirrored(data[26:30], data[30:34], port, vni >> 8, data[OUTER_HEADERS:])


def later(packet):
    """Whether an IPv4 packet is a fragment, and not the first."""
    return struct.unpack_from(">H", packet, 6)[0] & 0x1FFF != 0


def network_header(frame):
    """Where the inner network header is, and its EtherType, behind any tags."""
    at = 12
    while frame[at:at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    return at + 2, frame[at:at + 2]


def tcp_of(frame):
    """(source, target, flags) of the TCP segment in an inner frame, or None."""
    at, kind = network_header(frame)
    if kind == b"\x08\x00" and frame[at + 9] == 6 and not later(frame[at:]):
        size, tcp = 4, at + (frame[at] & 15) * 4
        source = at + 12
    elif kind == b"\x86\xdd":
        size, tcp, protocol = 16, at + 40, frame[at + 6]
        while protocol in (0, 60):  # hop-by-hop and destination options
            protocol, tcp = frame[tcp], tcp + 8 + 8 * frame[tcp + 1]
        if protocol != 6:
            return None
        source = at + 8
    else:
        return None
    target = source + size
    return (frame[source:target] + frame[tcp:tcp + 2], frame[target:target + size] + frame[tcp + 2:tcp + 4],
            frame[tcp + 13])


def begins_stream(data):
    try:
        segment = tcp_of(parts(data).frame)
    except ValueError:  # a fragment
        return False
    return segment is not None and segment[2] & SYN != 0


def each(frames, change):
    return [(time, change(parts(data))) for time, data in frames]


# ---- what networks do ----

def reorder(frames, rng, share=0.05, most=4):
    """A share of the frames arrives later, behind up to `most` others of the same second; a SYN, of the next 50 ms: a
    stream waits no longer for one before it begins in mid-stream."""
    data = [content for _, content in frames]
    for at in range(len(data) - 1, -1, -1):
        if rng.random() < share:
            to = min(at + rng.randint(1, most), len(data) - 1)
            late = SECOND_NS // 20 if begins_stream(data[at]) else SECOND_NS
            while frames[to][0] // SECOND_NS != frames[at][0] // SECOND_NS or frames[to][0] - frames[at][0] > late:
                to -= 1
            data.insert(to, data.pop(at))
    return [(time, content) for (time, _), content in zip(frames, data)]


def duplicate(frames, rng, share=0.02):
    """A share of the frames comes twice, as from a second mirror on the path."""
    return [frame for frame in frames for _ in range(1 + (rng.random() < share))]


def drop(frames, rng, share=0.01):
    return [frame for frame in frames if rng.random() >= share]


def ip_fragments(packet, mtu, identification):
    """An IP packet in fragments of at most `mtu` bytes (RFC 791; RFC 8200, section 4.5)."""
    is_v4 = packet[0] >> 4 == 4
    header = (packet[0] & 15) * 4 if is_v4 else 40
    size = struct.unpack_from(">H", packet, 2)[0] if is_v4 else 40 + struct.unpack_from(">H", packet, 4)[0]
    if size <= mtu:
        return [packet]
    pieces, room = [], (mtu - header - (0 if is_v4 else 8)) // 8 * 8
    for at in range(header, size, room):
        piece, offset, more = packet[at:min(at + room, size)], at - header, at + room < size
        if is_v4:
            start = packet[:2] + struct.pack(">HHH", header + len(piece), identification, more << 13 | offset >> 3)
            start, addresses = start + packet[8:10], packet[12:header]
            pieces.append(start + checksum(start, addresses) + addresses + piece)
        else:
            fragment = struct.pack(">BBHI", packet[6], 0, offset | more, identification)
            pieces.append(packet[:4] + struct.pack(">HB", 8 + len(piece), 44) + packet[7:40] + fragment + piece)
    return pieces


def fragment_outer(frames, mtu=576):
    """The mirror's packets in IP fragments, as a path with a small MTU leaves them."""
    return [(time, data[:14] + piece) for number, (time, data) in enumerate(frames)
            for piece in ip_fragments(data[14:], mtu, number & 0xFFFF)]


def fragment_inner(frames, mtu=576):
    """The mirrored packets in IP fragments, each of which the mirror sends as a frame of its own."""
    pieces = []
    for number, (time, data) in enumerate(frames):
        mirror = parts(data)
        at, kind = network_header(mirror.frame)
        if kind not in (b"\x08\x00", b"\x86\xdd"):
            pieces.append((time, data))
            continue
        pieces += [(time, replace(mirror, frame=mirror.frame[:at] + piece).sent())
                   for piece in ip_fragments(mirror.frame[at:], mtu, number & 0xFFFF)]
    return pieces


# ---- what other mirrors send ----

def vlan(frames, tag=7):
    """An 802.1Q tag in the inner frames."""
    def change(mirror):
        frame = mirror.frame[:12] + struct.pack(">HH", 0x8100, tag) + mirror.frame[12:]
        return replace(mirror, frame=frame).sent()
    return each(frames, change)


def geneve_around(mirror, vni, protocol, content):
    header = struct.pack(">BBHI", len(GENEVE_OPTIONS) // 4, 0, protocol, vni << 8) + GENEVE_OPTIONS
    datagram = udp(mirror.port, 6081, header + content)
    return OUTER_MACS + b"\x08\x00" + ipv4(17, mirror.source, mirror.target, datagram, ttl=255)


def geneve(frames):
    """GENEVE in VXLAN's place."""
    return each(frames, lambda mirror: geneve_around(mirror, mirror.vni, 0x6558, mirror.frame))


def vxlan_in_geneve(frames, vni=42):
    """The mirror's own packet in GENEVE, as a gateway load balancer passes it on."""
    return each(frames, lambda mirror: geneve_around(mirror, vni, 0x0800, mirror.sent()[14:]))


def outer_ipv6(frames):
    def change(mirror):
        datagram = udp(mirror.port, 4789, vxlan_header(mirror.vni) + mirror.frame)
        return OUTER_MACS + b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(datagram), 17, 255) + OUTER_V6 + datagram
    return each(frames, change)


def one_direction(frames, side="client"):
    """What a mirror of one direction shows: TCP frames to the servers, or from them. Servers have the lower port."""
    def wanted(segment):
        return segment and (segment[0][-2:] > segment[1][-2:]) == (side == "client")
    return [frame for frame in frames if wanted(tcp_of(parts(frame[1]).frame))]


def cut(frames, size=1000):
    """Keeps `size` bytes of each inner frame, as a session's packet length does."""
    return each(frames, lambda mirror: replace(mirror, frame=mirror.frame[:size]).sent())


def port_per_direction(frames):
    """An outer source port for each direction of a connection, so that a load balancer may part them."""
    def change(mirror):
        segment = tcp_of(mirror.frame)
        port = mirror.port if segment is None else 49152 + zlib.crc32(segment[0] + segment[1]) % 16384
        return replace(mirror, port=port).sent()
    return each(frames, change)


def split(frames, shares):
    """The frames as a load balancer spreads them over `shares` targets: by the outer 5-tuple."""
    piles = [[] for _ in range(shares)]
    for frame in frames:
        piles[zlib.crc32(frame[1][23:24] + frame[1][26:38]) % shares].append(frame)
    return piles
