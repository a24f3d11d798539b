# SPDX-License-Identifier: Apache-2.0
"""Captures of requests that are told apart by their targets, so that a server's log shows how often each was sent."""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from capture import Connection, timed, write_pcap  # noqa: E402

# No wrong order of these bytes can pass for the right one.
PATTERN = b"".join(b"%07x\n" % number for number in range(500_000))
PER_CONNECTION = 50


@dataclass
class Made:
    method: str
    target: str
    body: bytes

    def sha256(self):
        return hashlib.sha256(self.body).hexdigest()

    def wire(self):
        length = f"Content-Length: {len(self.body)}\r\n" if self.body else ""
        head = f"{self.method} {self.target} HTTP/1.1\r\nHost: shop.example.com\r\n{length}\r\n"
        return head.encode() + self.body


def made(count, body=0):
    """So many requests; those with an odd number have a body, or all of them when its size is given."""
    requests = []
    for number in range(count):
        size = body or (number % 2) * (1 + number * 37 % 3000)
        requests.append(Made("POST" if size else "GET", f"/r/{number}", PATTERN[number * 8:number * 8 + size]))
    return requests


def frames_of(requests):
    """The mirrored frames of these requests: one connection after the other, the clients' direction only."""
    frames = []
    for first in range(0, len(requests), PER_CONNECTION):
        number = first // PER_CONNECTION
        connection = Connection((f"198.51.{100 + number // 250}.{number % 250 + 1}", 20_000 + number))
        frames += connection.open(both=False)
        for request in requests[first:first + PER_CONNECTION]:
            frames += connection.send(request.wire())
        frames += connection.close(both=False)
    return frames


def write(path, requests):
    write_pcap(path, timed(frames_of(requests)))
    return path
