#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends a mirror's frames on an interface at a constant rate until SIGTERM, then prints how many.

    mirror_sender.py INTERFACE FRAMES_A_SECOND [tls]

Round after round the same connections, from SYN to FIN, each round in a virtual network of its own: to whom it may
concern these are new connections, and new requests; or, with `tls`, connections that nobody but their ends can read.
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


CLIENT_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(range(189))  # as far as anybody looks
SECRETS = bytes.fromhex("1703030400") + bytes(reversed(range(256))) * 4


def tls_frames():
    frames = []
    for number in range(CONNECTIONS):
        connection = unique.Connection((f"198.51.100.{number + 1}", 20_000 + number), ("10.0.1.20", 443))
        frames += connection.open(both=False) + connection.send(CLIENT_HELLO)
        for _ in range(10):
            frames += connection.send(SECRETS)
        frames += connection.close(both=False)
    return frames


def http_frames():
    return unique.frames_of(unique.made(CONNECTIONS * unique.PER_CONNECTION, BODY))


def rounds(made):
    frames = [bytearray(frame) for frame in made]
    for vni in itertools.count(1):
        for frame in frames:
            frame[VNI_AT:VNI_AT + 3] = (vni % 2**24).to_bytes(3, "big")
            yield frame


def main(interface, rate, kind):
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((interface, 0))
    frames, sent, begin = rounds(tls_frames() if kind == "tls" else http_frames()), 0, time.monotonic()
    while not stop:
        due = int((time.monotonic() - begin) * rate)
        for frame in itertools.islice(frames, due - sent):
            out.send(frame)
        sent = due
        time.sleep(TICK_S)
    print(sent, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "http")
