# SPDX-License-Identifier: Apache-2.0
"""What the fixture recipes are written with: requests, a client that speaks TCP, a mirror that wraps frames
as AWS does, and a capture with the records that a right rebuilder prints for it. Nothing here reads a clock
or a random source, so a recipe makes the same bytes each time."""

import hashlib
import json
import pathlib
import struct
import sys
import zlib
from dataclasses import dataclass, field

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

START_NS, STEP_NS = 1719830000 * 10**9, 137_000  # the first frame of every capture; from one to the next
MAX_BODY = 1 << 20                               # the default of --max-body
SOURCE_ENI, APPLIANCE = "10.0.1.20", "10.0.9.9"  # outer source (the mirrored server) and target
ENI_MAC, GATEWAY_MAC = "02:5a:1c:7e:40:13", "02:8f:33:d6:0b:e1"
OUTER_SRC_MAC, OUTER_DST_MAC = "02:11:9d:64:c2:05", "02:c7:50:2e:98:7f"
BASE_HEADERS = (("Host", "shop.example.com"), ("User-Agent", "fixture/1.0"))


@dataclass
class Request:
    """What the client means: the truth of a record. wire() is its plain form; recipes spell out odd ones."""
    method: str
    target: str
    headers: list = field(default_factory=list)
    body: bytes = b""
    trailers: list = field(default_factory=list)
    version: str = "HTTP/1.1"
    protocol = ""  # of an extended CONNECT (http2.py)

    @property
    def host(self):
        return next((value for name, value in self.headers if name.lower() == "host"), "")

    def head(self):
        fields = [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join([f"{self.method} {self.target} {self.version}", *fields, "", ""]).encode("latin-1")

    def wire(self):
        return self.head() + self.body


def get(target, *headers, method="GET", version="HTTP/1.1"):
    return Request(method, target, [*BASE_HEADERS, *headers], version=version)


def post(target, body, *headers, method="POST", version="HTTP/1.1"):
    headers = [*BASE_HEADERS, *headers, ("Content-Length", str(len(body)))]
    return Request(method, target, headers, body, version=version)


def chunked(target, body, trailers=()):
    """The request only: how its chunks are cut is the recipe's business."""
    return Request("POST", target, [*BASE_HEADERS, ("Transfer-Encoding", "chunked")], body, list(trailers))


def pattern(size, seed=0):
    """Bytes that say where they are: no wrong order can pass for the right one."""
    return b"".join(b"%07x\n" % (i + seed * 0x100000 & 0xFFFFFFF) for i in range(size // 8 + 1))[:size]


class Client:
    """One connection. Each method returns the frames of one act and moves the sequence numbers on."""

    def __init__(self, sport=51234, src="203.0.113.7", dst=SOURCE_ENI, dport=80, isn=0x10203040,
                 mss=1448, options=True, tags=(), extensions=()):
        self.src, self.sport, self.dst, self.dport = src, sport, dst, dport
        self.isn, self.offset, self.server_seq, self.frames = isn, 0, 0x50607080, 0
        self.mss, self.options, self.tags, self.extensions = mss, options, tags, extensions
        self.proxied = None  # the client's address, when a load balancer in front says it

    def record_ends(self):
        return [f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
                for address, port in ((self.src, self.sport), (self.dst, self.dport))]

    def frame(self, flags, seq, ack, data=b"", from_server=False):
        self.frames += 1
        ends = [(self.src, self.sport, GATEWAY_MAC), (self.dst, self.dport, ENI_MAC)]
        (src, sport, src_mac), (dst, dport, dst_mac) = reversed(ends) if from_server else ends
        packet = Ether(src=src_mac, dst=dst_mac)
        for tag in self.tags:
            packet /= tag.copy()
        v4 = {"ttl": 57, "flags": "DF", "id": 0x4000 + self.frames}
        packet /= IPv6(src=src, dst=dst, hlim=57) if ":" in src else IP(src=src, dst=dst, **v4)
        for header in self.extensions:
            packet /= header.copy()
        times, nop = ("Timestamp", (1000 + self.frames, 2000)), ("NOP", None)
        on_syn = [("MSS", self.mss + 12), ("SAckOK", b""), times, nop, ("WScale", 7)]
        packet /= TCP(sport=sport, dport=dport, seq=seq % 2**32, ack=ack % 2**32, flags=flags, window=502,
                      options=(on_syn if "S" in flags else [nop, nop, times]) if self.options else [])
        return packet / Raw(data) if data else packet

    def at(self, offset, data, flags="A"):
        """A segment at any offset of the client's stream; moves nothing on (retransmissions, probes)."""
        return self.frame(flags, self.isn + 1 + offset, self.server_seq, data)

    def syn(self, data=b""):
        self.offset = len(data)
        return [self.frame("S", self.isn, 0, data)]

    def open(self, both=False):
        syn, syn_ack = self.syn(), self.frame("SA", self.server_seq, self.isn + 1, from_server=True)
        self.server_seq += 1
        return [*syn, *([syn_ack] if both else []), self.at(0, b"")]

    def send(self, data, *sizes):
        """`data` in segments of these sizes, what is left in segments of the MSS."""
        frames, start = [], 0
        while start < len(data):
            piece = data[start:start + (sizes[len(frames)] if len(frames) < len(sizes) else self.mss)]
            start += len(piece)
            frames.append(self.at(self.offset, piece, "A" if start < len(data) else "PA"))
            self.offset += len(piece)
        return frames

    def fin(self, data=b""):
        self.offset += len(data) + 1
        return [self.at(self.offset - len(data) - 1, data, "FPA" if data else "FA")]

    def rst(self, data=b""):
        return [self.at(self.offset, data, "RA")]

    def answered(self, size=517):  # which a one-way mirror doesn't show: only the client's ACKs move on
        self.server_seq += size

    def reply(self, data):
        frames, ack = [], self.isn + 1 + self.offset
        for start in range(0, len(data), self.mss):
            piece = data[start:start + self.mss]
            frames.append(self.frame("PA", self.server_seq, ack, piece, from_server=True))
            self.server_seq += len(piece)
        return frames

    def server_fin(self):
        self.server_seq += 1
        return [self.frame("FA", self.server_seq - 1, self.isn + 1 + self.offset, from_server=True)]


def dialogue(capture, port, turns):
    """The same conversation mirrored three times: both directions, the client's side alone (its first bytes in a
    segment of their own), the server's side alone. `turns` are the bytes of each in turn, as ("C" or "S", bytes)."""
    for number, sides in enumerate(("CS", "C", "S")):
        client = Client(51000 + number, dport=port)
        syn, syn_ack, ack = client.open(both=True)
        acts = [("C", [syn]), ("S", [syn_ack]), ("C", [ack])]
        for side, data in turns:
            first = (3,) if sides == "C" and client.offset == 0 else ()
            acts.append((side, client.send(data, *first) if side == "C" else client.reply(data)))
        acts += [("C", client.fin()), ("S", client.server_fin())]
        for side, frames in acts:
            if side in sides:
                capture.add(frames)


def outer_port(frame):
    """As the mirror of AWS: one of 128 ports by a hash of the inner 5-tuple, the same for both directions."""
    network, transport = frame.getlayer(IPv6) or frame.getlayer(IP), frame.getlayer(TCP)
    ends = sorted([f"{network.src} {transport.sport}", f"{network.dst} {transport.dport}"])
    return 65408 + zlib.crc32(" ".join(ends).encode()) % 128


def outer(payload, sport=65408, dport=4789, source=SOURCE_ENI, target=APPLIANCE, tags=()):
    """The outer headers as the mirror of AWS makes them: IP ID 0, no DF, TTL 255, no UDP checksum."""
    packet = Ether(src=OUTER_SRC_MAC, dst=OUTER_DST_MAC)
    for tag in tags:
        packet /= tag.copy()
    network, fields = (IPv6, {"hlim": 255}) if ":" in source else (IP, {"ttl": 255, "id": 0})
    packet /= network(src=source, dst=target, **fields)
    return packet / UDP(sport=sport, dport=dport, chksum=0) / Raw(payload)


def vxlan_header(vni, flags=0x08, reserved=0):
    return struct.pack(">BBHI", flags, reserved, reserved, vni << 8 | reserved)


@dataclass
class Vxlan:
    """Wraps an inner frame as the mirror of AWS does."""
    vni: int = 1377
    source: str = SOURCE_ENI
    target: str = APPLIANCE
    tags: tuple = ()     # on the outer frame
    flags: int = 0x08
    reserved: int = 0
    cut: int = 8500      # bytes that are kept after the VXLAN header
    pad: bytes = b""     # what short inner frames are filled with
    other_path: int = 0  # added to the outer source port: the same frame seen at another interface

    def __call__(self, frame):
        inner = bytes(frame)
        inner += (self.pad * 60)[:max(0, 60 - len(inner))]
        payload = vxlan_header(self.vni, self.flags, self.reserved) + inner[:self.cut]
        sport = 65408 + (outer_port(frame) + self.other_path) % 128
        return bytes(outer(payload, sport, 4789, self.source, self.target, self.tags))


class Capture:
    """The frames of one fixture, and beside them the records and counters that are right for it."""

    def __init__(self, script, wrap=Vxlan(), vni=None, link=1, suffix=".pcap", nanoseconds=False, endian="<"):
        script = pathlib.Path(script).resolve()
        self.path = (pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else script.parent) / script.stem
        self.wrap, self.vni = wrap, getattr(wrap, "vni", None) if vni is None else vni
        self.link, self.suffix, self.nanoseconds, self.endian = link, suffix, nanoseconds, endian
        self.now, self.packets, self.records, self.verified = START_NS, [], [], []

    def add(self, frames, wrap=None):
        """Mirrors the frames; returns the time of the first."""
        first = self.now
        for frame in frames if isinstance(frames, list) else [frames]:
            self.packets.append((self.now, (wrap or self.wrap)(frame)))
            self.now += STEP_NS
        return first

    def wait(self, seconds):
        self.now += round(seconds * 10**9)

    def expect(self, request, client, ts, vni=None, records=None):
        kept = request.body[:MAX_BODY]
        src, dst = client.record_ends()
        record = {
            "vni": self.vni if vni is None else vni, "src": src, "dst": dst, "version": request.version,
            "method": request.method, "target": request.target, "host": request.host,
            **({"protocol": request.protocol} if request.protocol else {}), "headers": request.headers,
            "body_len": len(kept), "body_sha256": hashlib.sha256(kept).hexdigest(),
            "client": client.proxied or client.src, "truncated": len(kept) < len(request.body), "trailers": request.trailers,
        }
        if record["truncated"]:
            record["body_full_len"] = len(request.body)
        micros = ts // 1000
        rest = json.dumps(record, separators=(",", ":"))[1:].replace(r"\u007f", "\x7f")  # which needs no escape
        (self.records if records is None else records).append(f'{{"ts":{micros // 10**6}.{micros % 10**6:06},{rest}\n')

    def request(self, client, request, *sizes, wire=None, wrap=None, vni=None):
        """The usual case: a request that arrives whole and in order, and its record."""
        ts = self.add(client.send(request.wire() if wire is None else wire, *sizes), wrap)
        client.answered()
        self.expect(request, client, ts, vni)

    def save(self, **counters):
        """Writes the capture, its records, and the counters worth asserting."""
        blocks = self.pcapng() if self.suffix == ".pcapng" else self.pcap()
        self.path.with_suffix(self.suffix).write_bytes(b"".join(blocks))
        self.path.with_suffix(".expect").write_text("".join(self.records), encoding="ascii")
        if self.verified:  # what is printed with --verify-checksums, where that isn't the same
            self.path.with_suffix(".verified").write_text("".join(self.verified), encoding="ascii")
        if counters:
            self.path.with_suffix(".ledger").write_text(json.dumps(counters, indent=2) + "\n")

    def pcap(self):
        unit, magic = (1, 0xA1B23C4D) if self.nanoseconds else (1000, 0xA1B2C3D4)
        yield struct.pack(self.endian + "IHHIIII", magic, 2, 4, 0, 0, 262144, self.link)
        for time, data in self.packets:
            seconds, rest = divmod(time, 10**9)
            yield struct.pack(self.endian + "IIII", seconds, rest // unit, len(data), len(data)) + data

    def pcapng(self):
        def block(kind, content):
            size = struct.pack("<I", len(content) + -len(content) % 4 + 12)
            return struct.pack("<I", kind) + size + content + bytes(-len(content) % 4) + size
        yield block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
        yield block(1, struct.pack("<HHI", self.link, 0, 262144))
        for time, data in self.packets:
            high, low = divmod(time // 1000, 2**32)
            yield block(6, struct.pack("<IIIII", 0, high, low, len(data), len(data)) + data)
