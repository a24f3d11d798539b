# SPDX-License-Identifier: Apache-2.0
"""Captures made of plain bytes, where scapy (pcap-fixtures/recipe.py) would be too slow: TCP connections of thousands
of requests as a VXLAN mirror shows them, and classic pcap in and out. A frame is (time in ns, bytes). Nothing here
reads a clock or a random source."""

import array
import ipaddress
import struct
import zlib

START_NS, STEP_NS = 1719830000 * 10**9, 20_000  # the first frame, and from one to the next
SERVER_MAC, GATEWAY_MAC = bytes.fromhex("025a1c7e4013"), bytes.fromhex("028f33d60be1")
OUTER_MACS = bytes.fromhex("02c7502e987f" "02119d64c205")
MOST_PAYLOAD = 65000  # of one segment: an IPv4 packet has no room for much more
SYN, FIN, PSH, ACK = 2, 1, 8, 16


def read_pcap(path):
    """The frames of a classic pcap, in any byte order and resolution, and its link type."""
    data = path.read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    magic, link = struct.unpack_from(order + "I16xI", data)
    if magic not in (0xA1B2C3D4, 0xA1B23C4D):
        raise ValueError(f"{path} is no classic pcap")
    unit = 1000 if magic == 0xA1B2C3D4 else 1
    frames, at = [], 24
    while at < len(data):
        seconds, rest, size, _ = struct.unpack_from(order + "IIII", data, at)
        frames.append((seconds * 10**9 + rest * unit, data[at + 16:at + 16 + size]))
        at += 16 + size
    return frames, link


def write_pcap(path, frames, link=1):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link))
        for time, data in frames:
            file.write(struct.pack("<IIII", *divmod(time, 10**9), len(data), len(data)) + data)


def checksum(*parts):
    """The Internet checksum (RFC 1071) of parts of even length; the last may be odd."""
    total = sum(sum(array.array("H", part + bytes(len(part) % 2))) for part in parts)
    while total >> 16:
        total = (total >> 16) + (total & 0xFFFF)
    return struct.pack("=H", ~total & 0xFFFF)


def ipv4(protocol, source, target, payload, identification=0, offset_and_flags=0, ttl=64):
    """An IPv4 packet; `source` and `target` are 4 bytes each."""
    start = struct.pack(">BBHHHBB", 0x45, 0, 20 + len(payload), identification, offset_and_flags, ttl, protocol)
    return start + checksum(start, source, target) + source + target + payload


def udp(sport, dport, payload):
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload  # no checksum, as in a mirror


def vxlan_header(vni):
    return struct.pack(">II", 0x08000000, vni << 8)


def mirrored(frame, vni=1377, outer_port=65408, source=bytes([10, 0, 1, 20]), target=bytes([10, 0, 9, 9])):
    """The frame as the mirror of AWS sends it (IP ID 0, no DF, TTL 255)."""
    packet = ipv4(17, source, target, udp(outer_port, 4789, vxlan_header(vni) + frame), ttl=255)
    return OUTER_MACS + b"\x08\x00" + packet


class Connection:
    """One TCP connection over IPv4. Each method returns the mirrored frames of one act and moves the sequence
    numbers on; who sends them one after the other gets a capture."""

    def __init__(self, client, server=("10.0.1.20", 80), isn=0x10203040, vni=1377):
        self.client, self.vni = f"{client[0]}:{client[1]}", vni
        self.ends = [(ipaddress.ip_address(host).packed, port) for host, port in (client, server)]
        self.seqs = [isn % 2**32, zlib.crc32(self.client.encode())]
        self.outer_port = 65408 + zlib.crc32(self.client.encode()) % 128

    def _frame(self, side, flags, payload=b""):
        (source, sport), (target, dport) = self.ends[side], self.ends[1 - side]
        seq, ack = self.seqs[side], self.seqs[1 - side] if flags & ACK else 0
        start = struct.pack(">HHIIBBH", sport, dport, seq, ack, 5 << 4, flags, 502)
        pseudo = source + target + struct.pack(">HH", 6, 20 + len(payload))
        segment = start + checksum(pseudo, start, payload) + bytes(2) + payload
        self.seqs[side] = (seq + len(payload) + bool(flags & (SYN | FIN))) % 2**32
        macs = (SERVER_MAC + GATEWAY_MAC) if side == 0 else (GATEWAY_MAC + SERVER_MAC)
        frame = macs + b"\x08\x00" + ipv4(6, source, target, segment, identification=seq & 0xFFFF,
                                          offset_and_flags=0x4000)
        return mirrored(frame, self.vni, self.outer_port)

    def _data(self, side, data, sizes, mss):
        frames, start = [], 0
        while start < len(data):
            piece = data[start:start + (sizes[len(frames)] if len(frames) < len(sizes) else mss)]
            start += len(piece)
            frames.append(self._frame(side, ACK if start < len(data) else PSH | ACK, piece))
        return frames

    def open(self, both=True):
        """The handshake; a one-way mirror shows the client's part of it."""
        syn, syn_ack, ack = self._frame(0, SYN), self._frame(1, SYN | ACK), self._frame(0, ACK)
        return [syn, syn_ack, ack] if both else [syn, ack]

    def send(self, data, *sizes, mss=1448):
        """`data` in segments of these sizes, what is left in segments of `mss`."""
        return self._data(0, data, sizes, mss)

    def reply(self, data, mss=1448):
        return self._data(1, data, (), mss)

    def acknowledge(self, side=0):
        return [self._frame(side, ACK)]

    def close(self, both=True):
        frames = [self._frame(0, FIN | ACK), self._frame(1, FIN | ACK), self._frame(0, ACK)]
        return frames if both else frames[:1]


def timed(frames, start=START_NS, step=STEP_NS):
    return [(start + number * step, frame) for number, frame in enumerate(frames)]
