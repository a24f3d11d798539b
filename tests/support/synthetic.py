# SPDX-License-Identifier: Apache-2.0
"""A capture of many requests whose truth is known byte by byte, and which of them a rebuilder can still have once bytes
are missing.

Traffic: connections that live side by side, kept alive, with pipelined requests, bodies of known length and chunked
ones (1 byte to 100 KB), answers, both directions, through a VXLAN mirror. A seed makes the same traffic each time.
"""

import hashlib
import random
from dataclasses import dataclass, field

from capture import START_NS, Connection

PATTERN = b"".join(b"%07x\n" % number for number in range(14_000))  # no wrong order of bytes can pass for the right one
AGENTS = ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "curl/7.88.1", "okhttp/4.12.0")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s"
SYN_PLACE = (-1, 1)  # the sequence number in front of the first byte


@dataclass
class Sent:
    """A request, and where it lies in its connection's stream: [begin, end). `safe` are the parts of its body where
    missing bytes leave the framing known: all of it, or what is inside one chunk."""
    record: dict
    begin: int
    line_end: int
    end: int
    safe: list


@dataclass
class Traffic:
    frames: list = field(default_factory=list)    # (time, bytes) of the mirror
    carried: list = field(default_factory=list)   # of each: its connection, and (offset, size) of the client's bytes
    requests: dict = field(default_factory=dict)  # of each connection, in order

    def records(self):
        return [sent.record for requests in self.requests.values() for sent in requests]


def body_of(rng):
    """Mostly small, sometimes 100 KB."""
    size = min(int(2 ** rng.uniform(0, 17)), 100_000)
    start = rng.randrange(8000)
    return (PATTERN * 2)[start:start + size]


def chunked(rng, body, trailers):
    """The body in chunks, and where in that the data of each lies."""
    wire, data, start = b"", [], 0
    while start < len(body):
        piece = body[start:start + rng.choice((1, 100, 4096, 20_000))]
        wire += b"%x%s\r\n" % (len(piece), b";name=value" if rng.random() < 0.1 else b"")
        data.append((len(wire), len(wire) + len(piece)))
        wire += piece + b"\r\n"
        start += len(piece)
    return wire + b"0\r\n" + section(trailers), data


def section(fields):
    return "".join(f"{name}: {value}\r\n" for name, value in fields).encode() + b"\r\n"


def request(rng, number, connection, begin):
    """One request: its bytes, and what is known of it."""
    headers = [["Host", f"shop{number % 7}.example.com"], ["User-Agent", rng.choice(AGENTS)]]
    headers += [["Cookie", "session=" + "%08x" % rng.getrandbits(32) * rng.randint(1, 200)]] * (rng.random() < 0.5)
    method, body, wire, data, trailers = "GET", b"", b"", [], []
    if rng.random() < 0.35:
        method, body = rng.choice(("POST", "PUT")), body_of(rng)
        if rng.random() < 0.4:
            trailers = [["X-Digest", str(len(body))]] * (rng.random() < 0.2)
            wire, data = chunked(rng, body, trailers)
            headers.append(["Transfer-Encoding", "chunked"])
        else:
            wire, data = body, [(0, len(body))]
            headers.append(["Content-Length", str(len(body))])
    line = f"{method} /item/{number}?page={rng.randrange(100)} HTTP/1.1\r\n"
    head = line.encode() + section(headers)
    record = {
        "vni": connection.vni, "src": connection.client, "dst": "10.0.1.20:80", "version": "HTTP/1.1",
        "method": method, "target": line.split()[1], "host": headers[0][1], "headers": headers,
        "body_len": len(body), "body_sha256": hashlib.sha256(body).hexdigest(),
        "client": connection.client.rpartition(":")[0], "truncated": False, "trailers": trailers,
    }
    body_at = begin + len(head)
    sent = Sent(record, begin, begin + len(line), body_at + len(wire),
                [(body_at + start, body_at + end) for start, end in data])
    return head + wire, sent


def conversation(rng, connection, first, count):
    """The frames of one connection, each with what of the client's bytes it carries; and its requests."""
    syn, *rest = connection.open()
    frames, requests, offset = [(syn, SYN_PLACE), *((frame, None) for frame in rest)], [], 0
    while len(requests) < count:
        together = 1 if rng.random() < 0.7 else rng.randint(2, 5)  # pipelined, or not
        wire, answers = b"", b""
        for _ in range(min(together, count - len(requests))):
            data, sent = request(rng, first + len(requests), connection, offset + len(wire))
            wire += data
            requests.append(sent)
            answers += ANSWER % (700, PATTERN[:700])
        start, size = 0, rng.randint(1, 1448)
        while start < len(wire):
            piece = wire[start:start + size]
            frames += [(frame, (offset + start, len(piece))) for frame in connection.send(piece)]
            start, size = start + size, 1448
        offset += len(wire)
        answer = connection.acknowledge(1) + connection.reply(answers) + connection.acknowledge(0)
        frames += [(frame, None) for frame in answer]
    return frames + [(frame, None) for frame in connection.close()], requests


def traffic(seed=1, requests=2000, connections=200):
    rng = random.Random(seed)
    made, timed = Traffic(), []
    share = requests // connections
    for number in range(connections):
        connection = Connection((f"198.51.{100 + number // 250}.{number % 250 + 1}", 20_000 + number),
                                isn=rng.getrandbits(32))
        frames, sent = conversation(rng, connection, number * share, share)
        made.requests[connection.client] = sent
        now = START_NS + rng.randrange(2 * 10**9)
        for frame, carried in frames:
            timed.append((now, len(timed), frame, connection.client, carried))
            now += rng.randrange(20_000, 2_000_000)
    for time, _, frame, client, carried in sorted(timed, key=lambda entry: entry[:2]):
        made.frames.append((time, frame))
        made.carried.append((client, carried))
    return made


def holes_of(places, end):
    """What is missing of [-1, end), where the SYN and the client's bytes are: [(begin, end)]."""
    holes, at = [], SYN_PLACE[0]
    for begin, size in sorted(places):
        if begin > at:
            holes.append((at, begin))
        at = max(at, begin + size)
    return holes + [(at, end)] * (at < end)


def survivors(requests, places):
    """What a rebuilder makes of one connection of which only these places came: (requests rebuilt, number begun).

    A request with a hole is lost. Framing survives a hole inside a body of known length or inside one chunk's data;
    behind any other the next request is the one that a segment begins with, and that shows its method and something of
    its target. A request that is not recognised yet, because its line isn't whole, counts as begun only where one had
    to come: behind another."""
    holes = holes_of(places, requests[-1].end)
    shown = dict(places)
    rebuilt, begun = [], 0
    state = "lost" if holes and holes[0][0] < 0 else "open"  # open: nothing seen yet, but from the beginning
    for sent in requests:
        if state == "lost" and shown.get(sent.begin, 0) < len(sent.record["method"]) + 2:
            continue
        hit = [hole for hole in holes if hole[0] < sent.end and hole[1] > sent.begin]
        if hit and hit[0][0] <= sent.begin:
            state = "lost"
            continue
        begun += not hit or state == "in step" or hit[0][0] >= sent.line_end
        in_step = all(any(begin <= hole[0] and hole[1] <= end for begin, end in sent.safe) for hole in hit)
        state = "in step" if in_step else "lost"
        if not hit:
            rebuilt.append(sent)
    return rebuilt, begun
