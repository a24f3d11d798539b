#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of each fuzz target: what the fixtures hold, and cases made by hand. The same every time.

    make_seeds.py FIXTURES_DIRECTORY SEEDS_DIRECTORY [STAMP DEPFILE]

Each target says in its first comment how it reads its input. What fuzzing found is kept below as a case of its own.
"""

import pathlib
import shutil
import struct
import sys

FRAMES_OF_A_CAPTURE = 6
LONGEST_FRAME = 1600
LONGEST_STREAM = 8000
LONGEST_CAPTURE = 24000


# ---- what the fixtures hold ----------------------------------------------------------------------------------

def frames(capture):
    """[(time in ns, bytes)] of a pcap file; of pcapng the recipes make one that holds nothing new."""
    data = capture.read_bytes()
    endian = "<" if data[0] in (0x4D, 0xD4) else ">"
    magic, = struct.unpack_from(endian + "I", data)
    unit = 1 if magic == 0xA1B23C4D else 1000
    found, at = [], 24
    while at < len(data):
        seconds, fraction, size, _ = struct.unpack_from(endian + "IIII", data, at)
        found.append((seconds * 10**9 + fraction * unit, data[at + 16:at + 16 + size]))
        at += 16 + size
    return found


def fragmented(frame, size=48):
    """The frame's IPv4 packet in fragments of this size."""
    if frame[12:15] != b"\x08\x00\x45":
        return [frame]
    end = 14 + int.from_bytes(frame[16:18], "big")
    payload = frame[34:end]
    pieces = []
    for at in range(0, len(payload), size):
        piece = payload[at:at + size]
        place = at // 8 | (0x2000 if at + size < len(payload) else 0)
        pieces.append(frame[:16] + struct.pack(">HHH", 20 + len(piece), 7 + sum(frame[58:66]), place) + frame[22:34] + piece)
    return pieces


def streams(capture):
    """The bytes of each direction, if the capture has VXLAN with plain headers; in their order, once each."""
    pieces = {}
    for _, frame in capture:
        inner = frame[50:]
        if frame[12:15] != b"\x08\x00\x45" or frame[36:38] != b"\x12\xb5" or inner[12:15] != b"\x08\x00\x45":
            continue
        ip, tcp = inner[14:34], inner[34:14 + int.from_bytes(inner[16:18], "big")]
        if ip[9] != 6 or len(tcp) < 20:
            continue
        seq = int.from_bytes(tcp[4:8], "big") + (tcp[13] >> 1 & 1)
        direction = pieces.setdefault((frame[46:49], ip[12:], tcp[:4]), {})
        if payload := tcp[(tcp[12] >> 4) * 4:]:  # a SYN has none, and is where the first bytes are
            direction.setdefault(seq, payload)
    for direction in pieces.values():
        yield b"".join(piece for _, piece in sorted(direction.items()))


# ---- HTTP ----------------------------------------------------------------------------------------------------

CRLF, FIELD = b"\r\n", b"Host: a\r\n"
GET = b"GET /n HTTP/1.1\r\nHost: a\r\n\r\n"


def request(line=b"GET / HTTP/1.1", *fields, body=b""):
    return line + CRLF + FIELD + b"".join(field + CRLF for field in fields) + CRLF + body


POST = b"POST /p HTTP/1.1"
CHUNKED, LENGTH_3 = b"Transfer-Encoding: chunked", b"Content-Length: 3"
HTTP = {
    "chunked": request(POST, CHUNKED, body=b"5;e=\"v\"\r\nhello\r\n0001\r\n!\r\n0\r\n\r\n") + GET,
    "trailers": request(POST, CHUNKED, b"Trailer: T", body=b"3\r\nabc\r\n0\r\nT: u\r\nX:\r\n v\r\n\r\n") + GET,
    "length": request(POST, LENGTH_3, body=b"abc") + GET,
    "length-twice": request(POST, LENGTH_3, LENGTH_3, body=b"abc") + GET,
    "length-and-chunked": request(POST, LENGTH_3, CHUNKED, body=b"0\r\n\r\n") + GET,
    "length-folded": request(POST, b"Content-Length:\r\n 003", body=b"abc") + GET,
    "space-before-colon": request(POST, b"Content-Length : 3", body=b"abc") + GET,
    "bare-lf": request(POST, LENGTH_3, body=b"abc").replace(CRLF, b"\n") + GET,
    "two-spaces-and-lf": b"GET  / HTTP/1.1\n" + FIELD + CRLF,
    "bare-cr": request(b"GET / HTTP/1.1", b"A: b\rc") + GET,
    "folds": request(b"GET / HTTP/1.1", b"A: b\r\n c\r\n\td", b"E:\r\n f", b"G: h\r\n ") + GET,
    "one-hop": request(b"GET / HTTP/1.1", b"Connection: close, X-One, cookie", b"X-One: 1", b"Cookie: c",
                       b"TE: trailers", b"Keep-Alive: 5", b"Proxy-Connection: a", b"Expect: 100-continue",
                       b"Trailer: T"),
    "ours": request(b"GET / HTTP/1.1", b"X-Forwarded-For: 1.1.1.1", b"X-Forwarded-For: 2.2.2.2 ",
                    b"X-Forwarded-Proto: https", b"X-Forwarded-Port: 443", b"X-Server-Addr: 6.6.6.6",
                    b"X-Server-Port: 6", b"X-Rebuilder-A: b"),
    "absolute-form": request(b"GET http://u:p@b:81/p?q HTTP/1.1") + request(b"OPTIONS http://b HTTP/1.0"),
    "targets": b"".join(request(b"GET " + target + b" HTTP/1.1")
                        for target in (b"*", b"/a b", b"/\xe9\x01\t", b"a", b"//b/c", b"/%41%zz", b"http://", b"/#f")),
    "connect": request(b"CONNECT a:443 HTTP/1.1") + b"\x16\x03\x01\x00",
    "upgrade": request(b"GET / HTTP/1.1", b"Connection: Upgrade", b"Upgrade: websocket") + b"\x81\x05hello",
    "upgrade-refused": request(b"GET / HTTP/1.1", b"Connection: Upgrade", b"Upgrade: x") + request(b"FROB /f HTTP/1.1") + GET,
    "upgrade-and-http2": request(b"GET / HTTP/1.1", b"Connection: Upgrade", b"Upgrade: x") +
                         b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    "chunked-in-1.0": request(b"POST / HTTP/1.0", LENGTH_3, CHUNKED, body=b"0\r\n\r\n") + GET,
    "cr-in-a-size-line": request(POST, CHUNKED, body=b"3\rabc\r\n3;\rx\r\nabc\r\n0\r\n\r\n") + GET,
    "many-trailers": request(POST, CHUNKED, body=b"0\r\n" + b"T: u\r\n" * 300 + CRLF) + GET,
    "long-trailer": request(POST, CHUNKED, body=b"0\r\nT: " + b"u" * 70_000 + b"\r\n\r\n") + GET,
    "long-line": b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n" + GET,
    "many-fields-and-two-lengths": request(POST, *[b"%x:" % i for i in range(260)]) +
                                   request(POST, LENGTH_3, b"Content-Length: 4") + GET,
    "many-fields-and-a-body": request(POST, *[b"%x:" % i for i in range(260)], b"Content-Length:\r\n 3", body=b"abc") + GET,
    "long-line-and-chunks": request(b"POST /" + b"a" * 300 + b" HTTP/1.1", CHUNKED, body=b"3\r\nabc\r\n0\r\n\r\n") + GET,
    "long-fields-and-an-upgrade": request(b"GET / HTTP/1.1", b"Connection: Upgrade", b"A: " + b"b" * 400, b"Upgrade: x",
                                          b"C: " + b"d" * 700 + b"\r\n e") + GET,
    "head": request(b"HEAD / HTTP/1.0", b"Connection: keep-alive"),
    "no-host": b"GET / HTTP/1.1\r\nA: b\r\n\r\n",
    "empty-lines": b"\r\n\n" + GET + b"\r\n" + GET,
    "nothing-of-a-field": request(b"GET / HTTP/1.1", b"A:", b"B: ", b"C:\t"),
    "many-fields": request(b"GET / HTTP/1.1", *[b"%x:" % i for i in range(260)]),
    "long-head": request(b"GET / HTTP/1.1", b"Cookie: " + b"c" * 5000) + GET,
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "response": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "half-a-line": b"GET / HT",
    "half-a-head": b"GET / HTTP/1.1\r\nHost: a\r\nConte",
    "half-a-body": request(POST, LENGTH_3, body=b"a"),
}


V2 = b"\r\n\r\n\0\r\nQUIT\n"
PROXY = {
    "tcp4": b"PROXY TCP4 192.0.2.1 198.51.100.2 51234 80\r\n",
    "tcp6": b"PROXY TCP6 2001:db8::1 ::ffff:198.51.100.2 65535 0\r\n",
    "unknown": b"PROXY UNKNOWN\r\n",
    "unknown-and-more": b"PROXY UNKNOWN ffff::1 whatever 1\r\n",
    "unended": b"PROXY TCP4 " + b"1" * 100,
    "lf-alone": b"PROXY TCP4 192.0.2.1 198.51.100.2 51234 80\n",
    "port-with-zero": b"PROXY TCP4 192.0.2.1 198.51.100.2 051234 80\r\n",
    "address-with-zero": b"PROXY TCP4 192.0.02.1 198.51.100.2 51234 80\r\n",
    "method": b"PROXY / HTTP/1.1\r\n",
    "v2-tcp4": V2 + b"\x21\x11\0\x0c" + bytes([192, 0, 2, 1, 198, 51, 100, 2, 200, 34, 0, 80]),
    "v2-tcp6-and-tlv": V2 + b"\x21\x21\0\x28" + bytes(range(36)) + b"\x04\0\x01x",
    "v2-unix": V2 + b"\x21\x31\0\xd8" + bytes(216),
    "v2-local": V2 + b"\x20\0\0\0",
    "v2-long": V2 + b"\x20\0\0\x40",
    "v2-short": V2 + b"\x21\x11\0\x0b" + bytes(11),
    "v2-version-3": V2 + b"\x31\x11\0\x0c" + bytes(12),
    "v2-family-4": V2 + b"\x21\x41\0\x0c" + bytes(12),
}


def hole_in_body(text):
    """Cut behind the first byte of the first body, or of its first chunk, with the next byte missing."""
    at = text.find(CRLF + CRLF) + 5
    if CHUNKED in text[:at]:
        at = text.find(CRLF, at) + 3
    return b"\xe0\x02" + struct.pack(">HBHB", 10, 0, min(at, 0xFFFF), 1)


# What stands in front of each stream: uncut, cut, byte by byte, with holes, in little memory.
HTTP1_HEADS = {
    "body-hole": hole_in_body,
    "whole": b"\xe0\x00",
    "cut": b"\xe0\x03" + bytes([0, 1, 0, 0, 20, 0, 0, 70, 0]),
    "bytes": b"\x60\x0f",
    "holes": b"\xe8\x02" + bytes([0, 30, 5, 0, 90, 1]),
    "midstream": b"\xf4\x01" + bytes([0, 40, 1]),
    "truncate": b"\x41\x02" + bytes([0, 60, 0, 0, 62, 0]),
    "short-heads": b"\x03\x03" + bytes([0, 30, 0, 1, 9, 0, 1, 60, 0]),
    "short-heads-bytes": b"\x03\x0f",
    "drop": b"\x22\x02" + bytes([0, 60, 0, 0, 62, 1]),
}
WIRE_HEADS = {
    "whole": b"\x0f" + bytes(8),
    "cut": b"\x0f" + bytes([0, 5, 0, 30, 0, 60, 0, 61]),
    "little": b"\x11" + bytes(8),
    **{f"rules-{number}": bytes([0x0F | number << 5]) + bytes([0, 9, 0, 20, 0, 40, 0, 99]) for number in range(1, 8)},
}


def http_seeds(heads, texts):
    for name, text in texts.items():
        for head, head_bytes in heads.items():
            yield f"{name}-{head}", (head_bytes(text) if callable(head_bytes) else head_bytes) + text


# ---- frames --------------------------------------------------------------------------------------------------

STEPS_NS = (0, 10**3, 10**6, 10**8, 10**9 + 1, 6 * 10**9, 21 * 10**9)


def operation(kind, step_ns=0):
    """The first byte of an operation of the target worker: the longest step that is not over `step_ns`."""
    return bytes([sum(step <= step_ns for step in STEPS_NS) - 1 << 5 | kind])


FRAME, MADE, FLUSH, TICK, TURN = 0, 2, 5, 6, 7


def worker_seed(capture, limits):
    out, before = [bytes(limits)], capture[0][0]
    for time, frame in capture:
        if time - before >= 10**9:
            out.append(operation(FLUSH) + operation(TICK, time - before))
        out.append(operation(FRAME, time - before) + struct.pack(">H", len(frame)) + frame)
        before = time
    turns = ((0, 0x82), (8, 0xFF), (16, 0x01))  # of each output: how many slots it takes, and 0x80 to give them back
    out.append(operation(FLUSH) + b"".join(operation(TURN | output) + bytes([most]) for output, most in turns))
    return b"".join(out)


def made(which, at, payload=b"", flags=0x10, step_ns=0):
    return operation(MADE, step_ns) + struct.pack(">BBHB", which, flags, at, len(payload)) + payload


def made_seeds():
    """Connections made by the target itself: their SYN stands at 0 of the sequence, so their bytes begin at 1."""
    first, second = GET[:10], GET[10:]
    flush = operation(FLUSH)
    yield "in-order", made(0, 0, flags=2) + made(0, 1, first) + made(0, 11, second) + made(0, 1 + len(GET), flags=0x11)
    yield "reordered", made(0, 0, flags=2) + made(0, 11, second) + made(0, 1, first) + flush
    yield "hole", (made(1, 0, flags=2) + made(1, 1, first) + made(1, 300, GET) + flush
                   + operation(TICK, 2 * 10**9) + operation(TICK, 2 * 10**9))
    yield "both-sides", made(2, 0, GET, flags=2) + made(10, 0, b"HTTP/1.1 200 OK\r\n", flags=0x12) + made(2, 50)
    yield "eviction", b"".join(made(which, 1, first) for which in range(8)) + flush
    yield "reuse", made(3, 0, flags=2) + made(3, 1, GET, flags=0x11) + made(3, 5000, flags=2) + made(3, 5001, GET)
    yield "idle", made(4, 0, flags=2) + made(4, 1, first) + flush + operation(TICK, 21 * 10**9) + made(4, 11, second)


# ---- what else a packet can be wrapped in ----------------------------------------------------------------------

LINKS = {"cisco-hdlc": b"\x0f\0\x08\0", "ppp": b"\xff\x03\0\x21", "pppoe": b"\x11\0\0\x07\0\x30\0\x21"}
TEREDO = bytes.fromhex("20010000c0000201")  # the first half of a client's address


def ipv4(protocol, payload):
    return struct.pack(">BBHIBBH", 0x45, 0, 20 + len(payload), 0, 64, protocol, 0) + bytes(range(8)) + payload


def datagram(to, payload):
    return ipv4(17, struct.pack(">HHHH", 50000, to, 8 + len(payload), 0) + payload)


def own_tunnels(tcp):
    """IPv4 packets in which a mirrored host's own tunnels carry a TCP segment."""
    packet = ipv4(6, tcp)
    teredo = struct.pack(">IHBB", 6 << 28, len(tcp), 6, 64) + TEREDO + bytes(24) + tcp
    yield "gre", datagram(4754, b"\0\0\x08\0" + packet)
    yield "gre-key", datagram(4754, b"\x20\0\x65\x58key." + bytes(12) + b"\x08\0" + packet)
    yield "gpe-ipv4", datagram(4790, b"\x0c\0\0\x01\0\x05\x61\0" + packet)
    yield "gpe-ipv6", datagram(4790, b"\x0c\0\0\x02\0\x05\x61\0" + teredo)
    yield "gpe-ethernet", datagram(4790, b"\x0c\0\0\x03\0\x05\x61\0" + bytes(12) + b"\x08\0" + packet)
    yield "gpe-unnamed", datagram(4790, b"\x08\0\0\0\0\x05\x61\0" + bytes(12) + b"\x08\0" + packet)
    yield "teredo", datagram(32900, teredo)
    yield "teredo-origin", datagram(3544, b"\0\0ppaaaa" + teredo)
    yield "teredo-both", datagram(3544, b"\0\1\2\3iiaaannnnnnnnc\0\0ppaaaa" + teredo)
    yield "all", datagram(4754, b"\0\0\x08\0" + datagram(4790, b"\x0c\0\0\x01\0\x05\x61\0" + datagram(1, teredo)))


def wrapped_frames(tcp):
    ethernet = bytes(12) + b"\x08\0"
    for name, packet in own_tunnels(tcp):
        for vni, header in (("", b"\x08\0\0\0\0\x05\x61\0"), ("-other-vni", b"\x08\0\0\0\0\0\x02\0")):
            yield "own-" + name + vni, ethernet + datagram(4789, header + ethernet + packet)
    for name, header in LINKS.items():
        yield "link-" + name, header + ipv4(6, tcp)


# ---- segments ------------------------------------------------------------------------------------------------

FIN, SYN, RST, ACK, MISSING, THEN_TICK, CHANGED = 0x01, 0x02, 0x04, 0x10, 0x20, 0x40, 0x80
TENTH, GAP_TIME, TWO_SECONDS, LINGER, IDLE = 3 << 3, 4 << 3, 5 << 3, 6 << 3, 7 << 3
SERVER, FAR, ELSEWHERE = 1 << 2, 2 << 6, 3 << 6


def segment(at, size, flags=ACK, which=1):
    """`which`: the connection, the direction, and how much time passes before."""
    return struct.pack(">BBHB", which, flags, at, size)


def sent(at, size, flags=ACK):
    return segment(at, size, flags, 3)


def acknowledged(at):
    return segment(at, 0, which=1)


PAUSE, UNTIL_FORGOTTEN = segment(0, 0, which=0), segment(0, 0, which=2)
ROOMY = {
    "in-order": sent(0, 0, SYN) + b"".join(sent(at, 100) for at in range(0, 500, 100)) + sent(500, 12, FIN),
    "reverse": sent(0, 0, SYN) + b"".join(sent(at, 100) for at in range(400, -1, -100)) + sent(512, 0, FIN),
    "odd-then-even": b"".join(sent(at, 50) for at in [*range(50, 512, 100), *range(0, 512, 100)]),
    "overlaps": sent(100, 50) + sent(140, 60, CHANGED) + sent(120, 200) + sent(0, 255, CHANGED) + sent(90, 255),
    "midstream": sent(70, 30) + sent(0, 60) + sent(90, 100) + sent(400, 112, RST),
    "gaps": sent(0, 9) + sent(20, 9) + sent(40, 9) + PAUSE + sent(10, 99) + sent(400, 112, FIN) + PAUSE,
    "end-first": sent(0, 0, SYN) + sent(500, 12, FIN) + sent(0, 255) + sent(250, 255) + sent(505, 7),
    "cut-at-end": sent(0, 100) + sent(150, 50, FIN | MISSING) + sent(100, 50),
    "one-byte": b"".join(sent(at * 7 % 60, 1) for at in range(60)),
    "false-ends": sent(0, 9) + sent(9, 0, RST) + sent(9, 9) + sent(18, 0, FIN) + sent(30, 9) + sent(18, 12),
    "end-acknowledged": sent(0, 9) + sent(9, 9, FIN) + acknowledged(19) + sent(9, 30) + sent(18, 9),
    "hole-acknowledged": sent(0, 9) + sent(20, 9) + acknowledged(29) + sent(9, 11) + sent(29, 9),
    "forgotten": sent(0, 0, SYN) + sent(0, 9, FIN) + UNTIL_FORGOTTEN + sent(9, 9) + sent(0, 0, SYN) + UNTIL_FORGOTTEN,
}
TIGHT = {
    "in-order": segment(99, 0, SYN) + b"".join(segment(at, 100) for at in range(100, 900, 100)) + segment(900, 5, FIN),
    "too-much-held": segment(100, 9) + b"".join(segment(at, 60) for at in range(200, 2000, 100)) + segment(109, 91),
    "before-held": segment(100, 9) + segment(300, 100) + segment(200, 90) + segment(400, 255) + segment(150, 255),
    "conflict": segment(100, 9) + segment(120, 50) + segment(110, 90, CHANGED) + segment(100, 255, CHANGED),
    "gap-time": (segment(100, 9) + segment(200, 9) + segment(300, 9, ACK | THEN_TICK, 1 | GAP_TIME)
                 + segment(100, 9, ACK | THEN_TICK, 2 | TENTH) + segment(150, 255)),
    "jump": segment(100, 9) + segment(200, 9, which=1 | FAR) + segment(300, 9, which=1 | FAR | TWO_SECONDS),
    "jump-from-held": (segment(100, 9) + segment(200, 9) + segment(100, 9, which=1 | FAR | TWO_SECONDS)
                       + segment(210, 9)),
    "reuse": (segment(99, 0, SYN) + segment(100, 50) + segment(0, 0, SYN, 1 | ELSEWHERE)
              + segment(1, 50, which=1 | ELSEWHERE)),
    "reuse-after-end": segment(99, 5, SYN) + segment(105, 0, FIN) + segment(0, 9, SYN, 1 | ELSEWHERE),
    "blind-rst": segment(100, 9) + segment(4000, 0, RST) + segment(109, 9) + segment(118, 9, RST) + segment(127, 9),
    "both-sides": b"".join(segment(at, 50, which=1 | side) for at in range(100, 400, 50) for side in (0, SERVER)),
    "eviction": b"".join(segment(at, 9, which=which) for at in (100, 120, 109) for which in range(4)),
    "cut-by-mirror": segment(100, 50, ACK | MISSING) + segment(155, 50) + segment(205, 9, FIN | MISSING),
    "idle": (segment(99, 0, SYN) + segment(100, 9) + segment(130, 9) + segment(100, 9, ACK | THEN_TICK, 2 | IDLE)
             + segment(109, 9, ACK | THEN_TICK, 2 | TENTH) + segment(109, 9)),
    "idle-neighbour": (segment(100, 9, which=0) + segment(100, 9, which=2) + segment(109, 9, ACK | THEN_TICK, 2 | IDLE)
                       + segment(118, 9, ACK | THEN_TICK, 2 | TENTH) + segment(127, 9, which=2)),
    "linger": segment(100, 9, FIN) + segment(100, 9, ACK | THEN_TICK, 1 | LINGER) + segment(109, 9, which=1 | LINGER),
    "wrap": b"".join(segment(at, 40, which=0) for at in (0, 40, 120, 80, 160)),
}


def reassembler_seeds():
    for name, script in ROOMY.items():
        yield "roomy-" + name, b"\x00\xff\xff" + struct.pack(">H", 512) + script
    for name, script in TIGHT.items():
        for options in (0x01, 0x3F, 0x59, 0xED):
            yield f"tight-{name}-{options:02x}", bytes([options]) + script


# ---- fragments -----------------------------------------------------------------------------------------------

MORE, CUT, TIMES_8, RELEASE, OTHER_BYTES = 0x01, 0x02, 0x04, 0x08, 0x80
HALF_TIMEOUT, TIMEOUT = 2 << 6, 3 << 6


def fragment(place, size, flags=MORE, which=1):
    """`place` in units of 8 bytes; `which`: the datagram, and how much time passes before."""
    return struct.pack(">BBHB", which, flags, place, size)


FRAGMENTS = {
    "in-order": fragment(0, 8) + fragment(1, 16) + fragment(3, 5, 0),
    "last-first": fragment(3, 5, 0) + fragment(1, 16) + fragment(0, 8, MORE | RELEASE) + fragment(0, 8),
    "twice": fragment(0, 16) + fragment(0, 16) + fragment(1, 8) + fragment(2, 1, 0),
    "overlap": fragment(0, 16) + fragment(1, 16) + fragment(3, 1, 0) + fragment(2, 8),
    "other-bytes": fragment(0, 16) + fragment(0, 16, MORE | OTHER_BYTES) + fragment(2, 1, 0),
    "other-ends": fragment(2, 8, 0) + fragment(3, 8, 0) + fragment(0, 16),
    "behind-the-end": fragment(2, 8) + fragment(1, 3, 0) + fragment(0, 8),
    "odd-size": fragment(0, 7) + fragment(0, 8) + fragment(1, 8, 0),
    "largest": fragment(0, 255, MORE | TIMES_8) + fragment(0x1FFF, 7, 0) + fragment(0x1FFF, 8, 0, 2),
    "cut": fragment(0, 8, MORE | CUT) + fragment(2, 8, 0) + fragment(1, 8) + fragment(3, 0, CUT, 2),
    "many-runs": b"".join(fragment(place, 8) for place in range(0, 68, 2)) + b"".join(
        fragment(place, 8) for place in range(1, 68, 2)),
    "more-than-room": b"".join(fragment(0, 8, which=which) for which in range(5)) + fragment(1, 8, 0, 4),
    "nobody-releases": b"".join(fragment(0, 8, which=which) + fragment(1, 8, 0, which) for which in range(5)),
    "too-old": fragment(0, 8) + fragment(0, 8, which=2 | HALF_TIMEOUT) + fragment(1, 8, 0, 1 | HALF_TIMEOUT)
    + fragment(1, 8, 0, 2) + fragment(0, 8, which=1 | TIMEOUT),
}


# ---- all -----------------------------------------------------------------------------------------------------

# ---- exchange: (version and limits), then steps ----

def add(kind=0):
    return bytes([kind << 3])


SEND, WAIT, EOF, RESET = b"\x03", b"\x06", b"\x0f", b"\x07"


def got(data):
    return b"".join(bytes([5, len(data[at:at + 255])]) + data[at:at + 255] for at in range(0, len(data), 255))


def h2_frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ANSWERS_1 = {
    "ok": OK, "twice": OK + OK, "interim": b"HTTP/1.1 103 X\r\nLink: a\r\n\r\n" + OK,
    "chunked": b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: x\r\n\r\n",
    "until-close": b"HTTP/1.1 200 X\r\n\r\nall", "close": b"HTTP/1.1 500 X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    "switch": b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\n\r\n", "short": OK[:-1], "garbage": b"220 smtp\r\n",
    "not-modified": b"HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n" + OK, "old": b"HTTP/1.0 200 X\r\n\r\n",
}
SETTINGS = h2_frame(4, 0, 0, b"\0\x03\0\0\0\x64")
ANSWER_2 = h2_frame(1, 4, 1, b"\x88") + h2_frame(0, 1, 1, b"ok")
ANSWERS_2 = {
    "settings": SETTINGS, "ok": SETTINGS + ANSWER_2, "head-only": SETTINGS + h2_frame(1, 5, 1, b"\x88"),
    "interim": SETTINGS + h2_frame(1, 4, 1, b"\x08\x03103") + ANSWER_2, "reset": SETTINGS + h2_frame(3, 0, 1, b"\0\0\0\x07"),
    "goaway": SETTINGS + h2_frame(7, 0, 0, b"\0\0\0\x01\0\0\0\0") + ANSWER_2,
    "goaway-all": SETTINGS + h2_frame(7, 0, 0, bytes(8)), "no-status": SETTINGS + h2_frame(1, 5, 1, b"\0\x01x\x01y"),
    "no-streams": h2_frame(4, 0, 0, b"\0\x03\0\0\0\0"), "small-window": h2_frame(4, 0, 0, b"\0\x04\0\0\0\x10"),
    "ping": SETTINGS + h2_frame(6, 0, 0, bytes(8)), "push": SETTINGS + h2_frame(5, 4, 1, b"\0\0\0\x02\x82"),
    "window": SETTINGS + h2_frame(8, 0, 0, b"\0\x01\0\0"), "trailers": SETTINGS + h2_frame(1, 4, 1, b"\x88")
    + h2_frame(0, 0, 1, b"x") + h2_frame(1, 5, 1, b"\0\x01x\x01y"), "padded": SETTINGS + h2_frame(1, 0xd, 1, b"\x02\x88\0\0"),
    "continued": SETTINGS + h2_frame(1, 1, 1, b"") + h2_frame(9, 4, 1, b"\x88"), "http1": OK,
}


def exchange_seeds():
    for name, answer in ANSWERS_1.items():
        for kind in range(3):
            yield f"h1-{name}-{kind}", b"\x20" + (add(kind) + add() + SEND + got(answer)) * 2 + SEND + WAIT * 5 + EOF
    for name, answer in ANSWERS_2.items():
        for kind in range(3):
            yield (f"h2-{name}-{kind}", b"\x01" + SEND + add(kind) + SEND + got(answer) + add() + add(2) + SEND
                   + got(h2_frame(1, 5, 3, b"\x88")) + SEND + WAIT * 5 + RESET)


# ---- HPACK: the requests of RFC 7541, appendix C.3 and C.4 ------------------------------------------------------

HPACK = {
    "plain": ("828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865",
              "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"),
    "huffman": ("828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf",
                "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"),
    "sizes": ("20", "3fe11f82", "20410161be", "3fe1ff0382"),
}


def hpack_seeds():
    for name, blocks in HPACK.items():
        for options in (0, 1, 9, 255):
            yield f"{name}-{options}", bytes((options,)) + b"".join(
                struct.pack(">H", len(block) // 2) + bytes.fromhex(block) for block in blocks)


# ---- HTTP/2 ----------------------------------------------------------------------------------------------------

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CUTS = b"\x04" + b"".join(struct.pack(">HB", *cut) for cut in ((30, 0), (99, 7), (140, 0), (300, 40)))


def h2_frames(text):
    """[(type, flags, stream, payload)] of a client's bytes behind its preface."""
    found, at = [], 0
    while at + 9 <= len(text):
        size = int.from_bytes(text[at:at + 3], "big")
        found.append((text[at + 3], text[at + 4], int.from_bytes(text[at + 5:at + 9], "big"), text[at + 9:at + 9 + size]))
        at += 9 + size
    return found


def h2_seeds(texts):
    for name, text in texts.items():
        begin = text.find(PREFACE)
        if begin < 0:
            continue
        text = text[begin + len(PREFACE):]
        frames_ = h2_frames(text)
        told = b"".join(bytes((kind, flags, stream & 0xFF)) + (bytes((len(payload),)) if len(payload) < 255 else
                        b"\xff" + struct.pack(">H", len(payload))) + payload for kind, flags, stream, payload in frames_)
        yield "h2", name + "-raw", b"\x01" + CUTS + text
        yield "h2", name, b"\x00\x00" + told
        yield "h2", name + "-every-byte", b"\x02\x00" + told
        blocks = [payload for kind, flags, _, payload in frames_ if kind == 1 and flags & 0x2C == 4]
        for options in (0, 9, 255):
            yield "hpack", f"{name}-{options}", bytes((options,)) + b"".join(
                struct.pack(">H", len(block)) + block for block in blocks)


def capture_seeds():
    """Small files in every form: a pcap's magic, byte order, version, snapshot length and link type; cut, and with lies."""
    for endian in "<>":
        for magic in (0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34):
            for name, minor, snapshot, link in (("usual", 4, 65535, 1), ("swapped", 2, 65535, 1), ("maybe-swapped", 3, 80, 101),
                                                ("short", 4, 10, 0xF0000071), ("none", 4, 0, 276)):
                text = struct.pack(endian + "IHHIIII", magic, 2, minor, 0, 0, snapshot, link)
                for number, size in enumerate((60, 0, 61, 10)):
                    text += struct.pack(endian + "IIII", 1700000000 + number, 5, size, 90)
                    text += (b"k" * 8 if magic == 0xA1B2CD34 else b"") + bytes((number,)) * size
                name = f"{name}-{magic:x}-{'little' if endian == '<' else 'big'}"
                yield "capture", name, b"\x01" + text
                yield "capture", name + "-cut", b"\x3f" + text[:-5]
                yield "capture", name + "-time", b"\x01" + text[:24] + b"".join(
                    struct.pack(endian + "iiII", seconds, -1, 0, 0) + b"k" * (8 if magic == 0xA1B2CD34 else 0)
                    for seconds in (0, -1, 2**31 - 1))
                yield "capture", name + "-lie", b"\x3f" + text + struct.pack(endian + "IIII", 2**32 - 1, 0, 262145, 7)
    yield "capture", "pcapng", b"\x07" + struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28) + struct.pack(
        "<IIHHII", 1, 20, 1, 0, 0, 20) + struct.pack("<IIIIIII4sI", 6, 36, 0, 1, 2, 4, 4, b"abcd", 36)


def seeds(captures):
    """(target, name, bytes) of every seed."""
    for name in ("h1-post", "tcp-reorder"):
        captures[name + "-fragmented"] = [(time, piece) for time, frame in captures[name] for piece in fragmented(frame)]
    texts = {**HTTP, **{f"proxy-{name}": header + GET for name, header in PROXY.items()}}
    for name, capture in captures.items():
        for number, stream in enumerate(streams(capture)):
            texts[f"{name}-{number}"] = stream[:LONGEST_STREAM]
    for target, heads in (("http1", HTTP1_HEADS), ("wire", WIRE_HEADS)):
        for name, seed in http_seeds(heads, texts):
            yield target, name, seed
    for name, seed in hpack_seeds():
        yield "hpack", name, seed
    yield from h2_seeds(texts)
    for name, capture in captures.items():
        first = [struct.pack(">H", len(frame)) + frame for _, frame in capture[:FRAMES_OF_A_CAPTURE]
                 if len(frame) <= LONGEST_FRAME]
        yield "decap", name, b"".join(first)
        for number, frame in enumerate(first):
            yield "decap", f"{name}-{number}", frame
    for name, frame in wrapped_frames(struct.pack(">HHIIHHI", 40000, 80, 1, 1, 0x5018, 502, 0) + GET):
        yield "decap", name, struct.pack(">H", len(frame)) + frame
    for name, header in PROXY.items():
        yield "proxy_protocol", name, header
        yield "proxy_protocol", name + "-and-request", header + GET
    yield from capture_seeds()
    for name, script in FRAGMENTS.items():
        yield "fragments", name, script
    for name, seed in exchange_seeds():
        yield "exchange", name, seed
    for name, seed in reassembler_seeds():
        yield "reassembler", name, seed
    for name, capture in captures.items():
        if sum(len(frame) for _, frame in capture) <= LONGEST_CAPTURE:
            yield "worker", name, worker_seed(capture, (1, 0xF0))
            yield "worker", name + "-tight", worker_seed(capture, (0xFF, 0x15))
    for name, script in made_seeds():
        yield "worker", "made-" + name, bytes((0, 0xF0)) + script
        yield "worker", "made-" + name + "-tight", bytes((0xFE, 0x15)) + script


def main(fixtures, folder, stamp=None, depfile=None):
    files = sorted(pathlib.Path(fixtures).glob("*.pcap"))
    folder = pathlib.Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    for target, name, seed in seeds({file.stem: frames(file) for file in files}):
        (folder / target).mkdir(parents=True, exist_ok=True)
        (folder / target / name).write_bytes(seed)
    if stamp:
        pathlib.Path(stamp).touch()
        pathlib.Path(depfile).write_text(f"{stamp}: {' '.join(map(str, files))}\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:]) if len(sys.argv) in (3, 5) else sys.exit(__doc__.strip())
