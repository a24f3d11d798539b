#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A load balancer's PROXY header in front of the preface: both versions, in its segment, in one of its own, split."""

import struct

from http2 import GREETING, Http2, get, post
from recipe import Capture, Client

VERSION_1 = b"PROXY TCP4 192.0.2.7 10.0.1.20 40000 80\r\n"
VERSION_2 = (b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, 0x11, 12)
             + bytes([192, 0, 2, 8, 10, 0, 1, 20]) + struct.pack("!HH", 40000, 80))
capture = Capture(__file__)


def connection(port, client, *first):
    h2 = Http2(capture, Client(port, src="10.0.0.5"))
    h2.client.proxied = client
    capture.add(h2.client.open())
    for octets in first:
        h2.send(octets)
    h2.request(get("/first"))
    h2.request(post("/second", b"whose?"))
    h2.close()


connection(50001, "192.0.2.7", VERSION_1 + GREETING)
connection(50002, "192.0.2.7", VERSION_1, GREETING)
connection(50003, "192.0.2.7", VERSION_1[:20], VERSION_1[20:] + GREETING[:3], GREETING[3:20], GREETING[20:])
connection(50004, "192.0.2.8", VERSION_2 + GREETING)
connection(50005, "192.0.2.8", VERSION_2[:13], VERSION_2[13:] + GREETING)
capture.save(requests_started=10, requests_rebuilt=10, streams_http2=5, proxy_headers=5, proxy_headers_malformed=0)
