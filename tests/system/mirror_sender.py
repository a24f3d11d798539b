#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends a mirror's frames on an interface at a constant rate until SIGTERM, then prints how many.

    mirror_sender.py INTERFACE FRAMES_A_SECOND

Round after round the same connections, from SYN to FIN, each round in a virtual network of its own: to whom it may
concern these are new connections, and new requests.
"""

import itertools
import signal
import socket
import sys
import time

import unique

CONNECTIONS, BODY = 20, 5000  # a request is four frames then
VNI_AT = 14 + 20 + 8 + 4
TICK_S = 0.002


def rounds():
    frames = [bytearray(frame) for frame in unique.frames_of(unique.made(CONNECTIONS * unique.PER_CONNECTION, BODY))]
    for vni in itertools.count(1):
        for frame in frames:
            frame[VNI_AT:VNI_AT + 3] = (vni % 2**24).to_bytes(3, "big")
            yield frame


def main(interface, rate):
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((interface, 0))
    frames, sent, begin = rounds(), 0, time.monotonic()
    while not stop:
        due = int((time.monotonic() - begin) * rate)
        for frame in itertools.islice(frames, due - sent):
            out.send(frame)
        sent = due
        time.sleep(TICK_S)
    print(sent, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
