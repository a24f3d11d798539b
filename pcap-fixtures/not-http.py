#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Streams that hold no request: TLS, SSH, answers of other servers to the mirrored host, binary and text
protocols of others. Each is recognised by its first bytes and left alone."""

import hashlib
import struct

from recipe import Capture, Client, pattern

capture = Capture(__file__)


def client_hello(name):
    server_name = struct.pack(">HBH", len(name) + 3, 0, len(name)) + name
    extensions = struct.pack(">HH", 0, len(server_name)) + server_name
    hello = (b"\x03\x03" + pattern(32) + b"\x00" + b"\x00\x04\x13\x01\xc0\x2f" + b"\x01\x00"
             + struct.pack(">H", len(extensions)) + extensions)
    handshake = b"\x01" + struct.pack(">I", len(hello))[1:] + hello
    return b"\x16\x03\x01" + struct.pack(">H", len(handshake)) + handshake


client = Client(51000, dport=443)
capture.add(client.open())
capture.add(client.send(client_hello(b"shop.example.com")))
capture.add(client.send(b"\x17\x03\x03\x0f\xa0" + pattern(4000)))
capture.add(client.fin())

client = Client(51001, dport=22)
capture.add(client.open())
capture.add(client.send(b"SSH-2.0-OpenSSH_9.2p1\r\n"))
capture.add(client.send(b"\x00\x00\x02\x04\x0a\x14" + pattern(514)))
capture.add(client.fin())

client = Client(51002, src="10.0.1.20", dst="198.51.100.80")  # the mirrored host is the client here
syn, syn_ack, _ = client.open(both=True)
capture.add(syn_ack)
client.offset = 300
for size in (5000, 0, 2000):
    capture.add(client.reply(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + pattern(size)))
capture.add(client.server_fin())

noise = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(100))
texts = [b"\xfe" + noise, b"*1\r\n$4\r\nPING\r\n", b"EHLO mail.example.com\r\nMAIL FROM:<a@example.com>\r\n",
         struct.pack(">II", 41, 196608) + b"user\0postgres\0database\0shop\0\0\0"]
for number, text in enumerate(texts):
    client = Client(51010 + number, dport=80 if number == 0 else 6379 + number)
    capture.add(client.open())
    capture.add(client.send(text))
    capture.add(client.send(noise[7:500]))
    capture.add(client.fin())
capture.save(requests_started=0, requests_rebuilt=0, streams_tls=1, streams_ssh=1,
             streams_http1_responses=1, streams_redis=1, streams_smtp=1, streams_postgresql=1, streams_unknown=1,
             streams_http1=0)
