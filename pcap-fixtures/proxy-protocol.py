#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A load balancer that speaks the PROXY protocol: version 1 over IPv4 and IPv6, version 2 with TLVs, split anywhere,
from the balancer itself (LOCAL), and a header that is none."""

import ipaddress
import struct

from recipe import Capture, Client, get, post

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def version2(source, target, tlvs=b""):
    ends = [ipaddress.ip_address(address) for address in (source, target)]
    family = 0x11 if ends[0].version == 4 else 0x21
    body = ends[0].packed + ends[1].packed + struct.pack("!HH", 40000, 80) + tlvs
    return SIGNATURE + struct.pack("!BBH", 0x21, family, len(body)) + body


capture = Capture(__file__)


def connection(port, header, client, *sizes):
    balancer = Client(port, src="10.0.0.5")
    balancer.proxied = client
    capture.add(balancer.open())
    request = get("/first")
    ts = capture.add(balancer.send(header + request.wire(), *sizes))
    balancer.answered()
    # A header that comes apart is of the time of the frame that carries the request's first byte.
    capture.expect(request, balancer, ts)
    capture.request(balancer, post("/second", b"whose?"))
    capture.add(balancer.fin())


connection(50001, b"PROXY TCP4 192.0.2.7 10.0.1.20 40000 80\r\n", "192.0.2.7")
connection(50002, b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 80\r\n", "2001:db8::7")
connection(50003, version2("192.0.2.8", "10.0.1.20"), "192.0.2.8")
connection(50004, version2("2001:db8::8", "2001:db8::1", b"\xea\0\x0d\x01vpce-example1"), "2001:db8::8")
connection(50005, SIGNATURE + b"\x20\0\0\0", None)
connection(50006, b"PROXY UNKNOWN\r\n", None)

balancer = Client(50007, src="10.0.0.5")
balancer.proxied = "192.0.2.9"
capture.add(balancer.open())
header = version2("192.0.2.9", "10.0.1.20", b"\x04\0\x20" + bytes(32))
for at in range(0, len(header), 7):
    capture.add(balancer.send(header[at:at + 7]))
capture.request(balancer, get("/behind-a-header-in-pieces"))

balancer = Client(50008, src="10.0.0.5")
capture.add(balancer.open())
capture.add(balancer.send(b"PROXY TCP4 nobody 10.0.1.20 40000 80\r\n" + get("/not-to-be-seen").wire()))

capture.save(requests_started=13, requests_rebuilt=13, proxy_headers=7, proxy_headers_malformed=1, streams_http1=7,
             streams_unknown=1)
