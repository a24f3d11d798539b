# SPDX-License-Identifier: Apache-2.0
"""Sends requests as they stand, each on a connection of its own, and says how each was answered.

    attack_client.py FILE ADDRESS PORT H2C_PORT    FILE has a line for each: {"id", "raw": base64} or {"id", "stream": ...}
                                                   prints one for each: {"id", "status"}; 0 is no answer

It runs in the namespace of the clients, and in that of the node `direct`. Nothing here makes a request valid.
"""

import base64
import concurrent.futures
import json
import re
import socket
import struct
import sys
import time

import hpack

AT_ONCE = 8
PATIENCE = 3  # seconds that an answer may take
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY, CONTINUATION = 0, 1, 3, 4, 7, 9
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def padded(data, length):
    return bytes([length]) + data + bytes(length) if length else data


def section(encoder, fields, piece, flags):
    """HEADERS and, where a frame is to hold less, CONTINUATION."""
    block = b""
    for name, value in fields:
        # By hand, as a library would refuse or mend some of these names.
        block += b"\x00" + encoder.encode_string(name) + encoder.encode_string(value)
    pieces = [block[at:at + piece] for at in range(0, len(block), piece)] if piece else [block]
    for number, part in enumerate(pieces):
        last = END_HEADERS if number == len(pieces) - 1 else 0
        yield frame(CONTINUATION if number else HEADERS, last | (0 if number else flags), 1, part)


class Literal:
    """Header fields as literals without Huffman coding: any bytes."""

    @staticmethod
    def encode_string(data):
        number = hpack.hpack.encode_integer(len(data), 7)
        return bytes(number) + data


def http2(stream):
    """A connection's bytes: preface, settings, one request."""
    body, trailers = list(map(base64.b64decode, stream["body"])), pairs(stream["trailers"])
    out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0)
    ends_with_headers = not body and not trailers
    out += b"".join(section(Literal, pairs(stream["fields"]), stream["header_piece"], END_STREAM if ends_with_headers else 0))
    for number, part in enumerate(body):
        last = END_STREAM if number == len(body) - 1 and not trailers else 0
        flags = last | (PADDED if stream["padding"] else 0)
        out += frame(DATA, flags, 1, padded(part, stream["padding"]))
    if trailers:
        out += b"".join(section(Literal, trailers, 0, END_STREAM))
    return out


def pairs(fields):
    return [tuple(map(base64.b64decode, each)) for each in fields]


def http1_status(connection):
    """The final status of an answer in HTTP/1.1; it is read to its end, as far as that is known."""
    said, status = b"", 0
    while True:
        while b"\r\n\r\n" not in said:
            data = connection.recv(65536)
            if not data:
                return status
            said += data
        top, said = said.split(b"\r\n\r\n", 1)
        words = top.split(b" ", 2)
        status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
        if status == 100:
            continue
        length = LENGTH.search(top)
        missing = int(length[1]) - len(said) if length else 0
        while missing > 0:
            data = connection.recv(65536)
            if not data:
                break
            missing -= len(data)
        return status


def http2_status(connection):
    """The status of stream 1; 0, if the server ended it or the connection."""
    said, decoder, status = b"", hpack.Decoder(), 0
    while True:
        while len(said) < 9 or len(said) < 9 + int.from_bytes(said[:3], "big"):
            data = connection.recv(65536)
            if not data:
                return status
            said += data
        length, kind, flags = int.from_bytes(said[:3], "big"), said[3], said[4]
        stream, payload, said = int.from_bytes(said[5:9], "big"), said[9:9 + length], said[9 + length:]
        if kind == SETTINGS and not flags & ACK:
            connection.sendall(frame(SETTINGS, ACK, 0))
        elif kind in (RST_STREAM, GOAWAY):
            return status
        elif kind == HEADERS and stream == 1:
            status = int(dict(decoder.decode(payload)).get(":status", status))
        if kind in (HEADERS, DATA) and flags & END_STREAM and stream == 1:
            return status


def send(row, address, port, h2c_port):
    is_http2 = "stream" in row
    status = 0
    try:
        with socket.create_connection((address, h2c_port if is_http2 else port), PATIENCE) as connection:
            try:
                connection.sendall(http2(row["stream"]) if is_http2 else base64.b64decode(row["raw"]))
            except ConnectionError:
                pass  # refused before its end: there may be an answer all the same
            status = http2_status(connection) if is_http2 else http1_status(connection)
    except (TimeoutError, ConnectionError):
        pass
    return {"id": row["id"], "status": status}


def main(path, address, port, h2c_port):
    with open(path) as file:
        rows = [json.loads(line) for line in file]
    told = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [pool.submit(send, row, address, int(port), int(h2c_port)) for row in rows]
        for number, job in enumerate(jobs, 1):
            print(json.dumps(job.result()), flush=True)
            if time.monotonic() - told > 5:
                told = time.monotonic()
                print(f"{number} of {len(rows)} requests sent", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
