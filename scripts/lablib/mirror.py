#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A mirror session in user space, for what the kernel's VXLAN device can't do: cut frames as AWS does, change their order.

    mirror.py INTERFACE SOURCE TARGET VNI [--length 8500] [--swap PERCENT]     until SIGTERM; then a line of JSON

Copies the TCP frames that arrive at the interface to TARGET: outer source port 65408 + a hash of the connection, the same
for both directions, and frames cut to --length. With --swap that many frames are held back until three later ones have gone,
or 20 ms are over. For a few thousand frames a second. It says how many were mirrored, cut, and held back, and how many it
didn't get ("missed"), which should be none.
"""

import argparse
import json
import random
import select
import signal
import socket
import struct
import time
import zlib

ETH_P_ALL, SOL_PACKET, PACKET_STATISTICS, PACKET_OUTGOING, SO_NO_CHECK, SO_RCVBUFFORCE = 3, 263, 6, 4, 11, 33
FIRST_PORT, PORTS = 65408, 128
BEHIND, HELD_S = 3, 0.02


def connection_of(frame):
    """Bytes that both directions of a TCP connection have in common; None for anything but TCP."""
    kind = frame[12:14]
    if kind == b"\x08\x00" and frame[23] == 6:
        at, ends = 14 + (frame[14] & 15) * 4, (frame[26:30], frame[30:34])
    elif kind == b"\x86\xdd" and frame[20] == 6:
        at, ends = 54, (frame[22:38], frame[38:54])
    else:
        return None
    return b"".join(sorted((ends[0] + frame[at:at + 2], ends[1] + frame[at + 2:at + 4])))


class Mirror:
    def __init__(self, args):
        self.length, self.swap = args.length, args.swap
        self.header = struct.pack("!II", 0x08000000, args.vni << 8)
        self.senders = []
        for number in range(PORTS):
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sender.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
            sender.bind((args.source, FIRST_PORT + number))
            sender.connect((args.target, 4789))
            self.senders.append(sender)
        self.said = {"mirrored": 0, "cut": 0, "held_back": 0, "missed": 0}
        self.held = []  # (frames that have still to go before it, until when, sender, frame)
        self.random = random.Random(1)  # the same disorder each time

    def take(self, frame):
        connection = connection_of(frame)
        if connection is None:
            return
        sender = self.senders[zlib.crc32(connection) % PORTS]
        if len(frame) > self.length:
            self.said["cut"] += 1
            frame = frame[:self.length]
        if self.random.random() * 100 < self.swap:
            self.said["held_back"] += 1
            self.held.append([BEHIND, time.monotonic() + HELD_S, sender, frame])
            return
        self.send(sender, frame)
        for each in self.held:
            each[0] -= 1
        self.release()

    def release(self):
        now = time.monotonic()
        for each in [each for each in self.held if each[0] <= 0 or each[1] <= now]:
            self.held.remove(each)
            self.send(each[2], each[3])

    def send(self, sender, frame):
        sender.send(self.header + frame)
        self.said["mirrored"] += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("interface")
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("vni", type=int)
    parser.add_argument("--length", type=int, default=8500)
    parser.add_argument("--swap", type=float, default=0)
    args = parser.parse_args()
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    mirror = Mirror(args)
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    tap.bind((args.interface, ETH_P_ALL))
    print("ready", flush=True)
    while not stop:
        if select.select([tap], [], [], HELD_S)[0]:
            frame, address = tap.recvfrom(65536)
            if address[2] != PACKET_OUTGOING:
                mirror.take(frame)
        mirror.release()
    for each in mirror.held:
        mirror.send(each[2], each[3])
    mirror.said["missed"] = struct.unpack("II", tap.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
    print(json.dumps(mirror.said), flush=True)


if __name__ == "__main__":
    main()
