#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A conversation over TCP as a terminal's, and then a copy of some megabytes, both ways. And ping.

    echo.py serve PORT                    sends back what it gets, one connection after the other
    echo.py talk ADDRESS PORT MEGABYTES   fails unless all of it comes back as it was
    echo.py ping ADDRESS COUNT SIZE       fails unless each is answered
"""

import hashlib
import random
import socket
import struct
import sys
import threading


def serve(port):
    with socket.create_server(("", port)) as server:
        print("ready", flush=True)
        while True:
            with server.accept()[0] as peer:
                while got := peer.recv(65536):
                    peer.sendall(got)


def talk(address, port, megabytes):
    with socket.create_connection((address, port), timeout=20) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(100):  # one key after the other
            key = bytes([number])
            peer.sendall(key)
            assert peer.recv(1) == key
        data = random.Random(7).randbytes(megabytes << 20)
        sender = threading.Thread(target=lambda: (peer.sendall(data), peer.shutdown(socket.SHUT_WR)))
        sender.start()
        digest, size = hashlib.sha256(), 0
        while got := peer.recv(65536):
            digest.update(got)
            size += len(got)
        sender.join()
    if digest.digest() != hashlib.sha256(data).digest():
        sys.exit(f"echo: {size} of {len(data)} bytes came back, or others")


def checksum(message):
    total = sum(struct.unpack(f"!{len(message) // 2}H", message))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ping(address, count, size):
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as out:
        out.settimeout(5)
        for number in range(count):
            rest = struct.pack("!HH", 77, number) + bytes(size)
            message = struct.pack("!BBH", 8, 0, checksum(b"\x08\0\0\0" + rest)) + rest
            out.sendto(message, (address, 0))
            while out.recv(65536)[20:] != struct.pack("!BBH", 0, 0, checksum(bytes(4) + rest)) + rest:
                pass  # other ICMP


def main(command, *arguments):
    if command == "serve":
        serve(int(arguments[0]))
    elif command == "talk":
        talk(arguments[0], int(arguments[1]), int(arguments[2]))
    else:
        ping(arguments[0], int(arguments[1]), int(arguments[2]))


if __name__ == "__main__":
    main(*sys.argv[1:])
