# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 for the recipes: frames (RFC 9113), an HPACK encoder (RFC 7541) in which a recipe can force every
representation, and a client that speaks it through a mirror. Here, too, nothing reads a clock or a random source."""

import struct
from dataclasses import dataclass

import recipe
from recipe import Client

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
(DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE,
 CONTINUATION) = range(10)
ACK = END_STREAM = 0x01
END_HEADERS, PADDED, WITH_PRIORITY = 0x04, 0x08, 0x20
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = range(1, 6)
CANCEL = 8

AUTHORITY = "shop.example.com"
BASE_HEADERS = (("user-agent", "fixture/2.0"), ("accept", "*/*"))


# ---- frames --------------------------------------------------------------------------------------------------

def frame(kind, stream=0, payload=b"", flags=0):
    return len(payload).to_bytes(3, "big") + struct.pack(">BBI", kind, flags, stream) + payload


def data(stream, payload=b"", end=False):
    return frame(DATA, stream, payload, END_STREAM * end)


def headers(stream, block, *sizes, end=False):
    """A header block; with sizes, in HEADERS of the first and CONTINUATIONs of the others and of the rest."""
    pieces = []
    for size in sizes:
        pieces.append(block[:size])
        block = block[size:]
    pieces.append(block)
    frames = [frame(HEADERS if i == 0 else CONTINUATION, stream, piece,
                    END_STREAM * (end and i == 0) | END_HEADERS * (i == len(sizes))) for i, piece in enumerate(pieces)]
    return b"".join(frames)


def settings(*pairs):
    return frame(SETTINGS, 0, b"".join(struct.pack(">HI", *pair) for pair in pairs))


def window_update(stream, by):
    return frame(WINDOW_UPDATE, stream, struct.pack(">I", by))


def reset(stream, code=CANCEL):
    return frame(RST_STREAM, stream, struct.pack(">I", code))


SETTINGS_ACK = frame(SETTINGS, flags=ACK)
GREETING = PREFACE + settings((MAX_CONCURRENT_STREAMS, 100), (INITIAL_WINDOW_SIZE, 10 << 20), (ENABLE_PUSH, 0))


# ---- HPACK ---------------------------------------------------------------------------------------------------

# The symbols of each length in bits. The codes count up from 0 in this order (RFC 7541, appendix B); the last is EOS.
HUFFMAN = {
    5: "012aceiost", 6: " %-./3456789=A_bdfghlmnpru", 7: ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz", 8: "&*,;XZ",
    10: '!"()?', 11: "'+|", 12: "#>", 13: "\0$@[]~", 14: "^}", 15: "<`{", 19: "\\\xc3\xd0",
    20: "\x80\x82\x83\xa2\xb8\xc2\xe0\xe2", 21: "\x99\xa1\xa7\xac\xb0\xb1\xb3\xd1\xd8\xd9\xe3\xe5\xe6",
    22: "\x81\x84\x85\x86\x88\x92\x9a\x9c\xa0\xa3\xa4\xa9\xaa\xad\xb2\xb5\xb9\xba\xbb\xbd\xbe\xc4\xc6\xe4\xe8\xe9",
    23: "\x01\x87\x89\x8a\x8b\x8c\x8d\x8f\x93\x95\x96\x97\x98\x9b\x9d\x9e\xa5\xa6\xa8\xae\xaf\xb4\xb6\xb7\xbc\xbf\xc5"
        "\xe7\xef",
    24: "\t\x8e\x90\x91\x94\x9f\xab\xce\xd7\xe1\xec\xed", 25: "\xc7\xcf\xea\xeb",
    26: "\xc0\xc1\xc8\xc9\xca\xcd\xd2\xd5\xda\xdb\xee\xf0\xf2\xf3\xff",
    27: "\xcb\xcc\xd3\xd4\xd6\xdd\xde\xdf\xf1\xf4\xf5\xf6\xf7\xf8\xfa\xfb\xfc\xfd\xfe",
    28: "\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f"
        "\xdc\xf9",
    30: "\n\r\x16",
}
EOS = (0x3FFFFFFF, 30)

# RFC 7541, appendix A; _ is a space.
STATIC = [tuple(entry.replace("_", " ").split("=")) for entry in (
    ":authority= :method=GET :method=POST :path=/ :path=/index.html :scheme=http :scheme=https :status=200 :status=204 "
    ":status=206 :status=304 :status=400 :status=404 :status=500 accept-charset= accept-encoding=gzip,_deflate "
    "accept-language= accept-ranges= accept= access-control-allow-origin= age= allow= authorization= cache-control= "
    "content-disposition= content-encoding= content-language= content-length= content-location= content-range= "
    "content-type= cookie= date= etag= expect= expires= from= host= if-match= if-modified-since= if-none-match= "
    "if-range= if-unmodified-since= last-modified= link= location= max-forwards= proxy-authenticate= "
    "proxy-authorization= range= referer= refresh= retry-after= server= set-cookie= strict-transport-security= "
    "transfer-encoding= user-agent= vary= via= www-authenticate=").split(" ")]

INDEXING, WITHOUT_INDEXING, NEVER_INDEXED = (0x40, 6), (0x00, 4), (0x10, 4)  # the first byte, and its bits for a number
ENTRY = 32  # what an entry takes in the table beside its text


def huffman_codes():
    code, before = 0, 5
    for size, symbols in HUFFMAN.items():
        code <<= size - before
        before = size
        for symbol in symbols:
            yield symbol, (code, size)
            code += 1


CODES = dict(huffman_codes())


def huffman(text, *more):
    """The text, then further codes, filled up with ones."""
    bits, length = 0, 0
    for code, size in [*(CODES[symbol] for symbol in text), *more]:
        bits, length = bits << size | code, length + size
    fill = -length % 8
    return ((bits + 1 << fill) - 1).to_bytes((length + fill) // 8, "big")


def number(value, bits, mark=0):
    """In the low bits of a first byte, and in as many more as it needs (section 5.1)."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([mark | value])
    rest = value - most
    more = []
    while rest > 127:
        more.append(rest & 127 | 128)
        rest >>= 7
    return bytes([mark | most, *more, rest])


def string(text, coded=True):
    octets = huffman(text) if coded else text.encode("latin-1")
    return number(len(octets), 7, 0x80 * coded) + octets


def indexed(index):
    return number(index, 7, 0x80)


class Hpack:
    """The encoder of one connection, with the dynamic table that its blocks leave behind."""

    def __init__(self):
        self.table, self.limit = [], 4096

    def resize(self, limit):
        """A dynamic table size update."""
        self.limit = limit
        self.evict(0)
        return number(limit, 5, 0x20)

    def evict(self, room):
        while self.table and sum(ENTRY + len(name) + len(value) for name, value in self.table) + room > self.limit:
            self.table.pop()

    def insert(self, name, value):
        size = ENTRY + len(name) + len(value)
        self.evict(size)
        if size <= self.limit:
            self.table.insert(0, (name, value))

    def index(self, *entry):
        """The lowest index of a field, or of a name; 0 if neither table has it."""
        entries = [known[:len(entry)] for known in STATIC + self.table]
        return entries.index(entry) + 1 if entry in entries else 0

    def literal(self, name, value, form=INDEXING, coded=True, name_index=None):
        """A literal, its name as an index where there is one; name_index 0 spells the name out."""
        at = self.index(name) if name_index is None else name_index
        if form == INDEXING:
            self.insert(name, value)
        mark, bits = form
        return number(at, bits, mark) + (b"" if at else string(name, coded)) + string(value, coded)

    def field(self, name, value):
        """As most encoders do it."""
        return indexed(at) if (at := self.index(name, value)) else self.literal(name, value)

    def block(self, fields):
        return b"".join(self.field(name, value) for name, value in fields)


# ---- requests ------------------------------------------------------------------------------------------------

@dataclass
class Request(recipe.Request):
    version: str = "HTTP/2"
    authority: str = AUTHORITY  # None: no such field
    scheme: str = "http"
    protocol: str = ""

    @property
    def host(self):
        return super().host if self.authority is None else self.authority

    def fields(self):
        """The header section as it is sent."""
        tunnel = self.method == "CONNECT" and not self.protocol
        pseudo = [(":method", self.method), (":scheme", None if tunnel else self.scheme),
                  (":authority", self.authority), (":path", None if tunnel else self.target),
                  (":protocol", self.protocol or None)]
        return [field for field in pseudo if field[1] is not None] + self.headers


def get(target, *fields, method="GET", **more):
    return Request(method, target, [*BASE_HEADERS, *fields], **more)


def post(target, body, *fields, method="POST", **more):
    return Request(method, target, [*BASE_HEADERS, *fields, ("content-length", str(len(body)))], body, **more)


def unsized(target, body, *fields, trailers=(), **more):
    return Request("POST", target, [*BASE_HEADERS, *fields], body, list(trailers), **more)


def connect(authority, *fields):
    return Request("CONNECT", authority, [*BASE_HEADERS[:1], *fields], authority=authority)


class Http2:
    """A client that speaks HTTP/2. What it sends is mirrored at once; each such method gives the time of the first
    frame."""

    def __init__(self, capture, client=None):
        self.capture, self.client = capture, client or Client()
        self.hpack, self.stream = Hpack(), -1

    def open(self, greeting=GREETING):
        self.capture.add(self.client.open())
        return self.send(greeting)

    def send(self, octets, *sizes):
        return self.capture.add(self.client.send(octets, *sizes))

    def expect(self, request, ts):
        self.capture.expect(request, self.client, ts)

    def next_stream(self):
        self.stream += 2
        return self.stream

    def head(self, request, *sizes, end=False):
        """HEADERS on the next stream."""
        return headers(self.next_stream(), self.hpack.block(request.fields()), *sizes, end=end)

    def wire(self, request, *sizes):
        """The whole request, its body in DATA frames of these sizes, what is left in one more."""
        parts = [self.head(request, end=not request.body and not request.trailers)]
        rest = request.body
        for size in sizes:
            parts.append(data(self.stream, rest[:size]))
            rest = rest[size:]
        if rest:
            parts.append(data(self.stream, rest, end=not request.trailers))
        if request.trailers:
            parts.append(headers(self.stream, self.hpack.block(map(tuple, request.trailers)), end=True))
        return b"".join(parts)

    def request(self, request, *sizes):
        """The usual case: a request that arrives whole and in order, and its record."""
        ts = self.send(self.wire(request, *sizes))
        self.client.answered()
        self.expect(request, ts)

    def close(self):
        self.capture.add(self.client.fin())
