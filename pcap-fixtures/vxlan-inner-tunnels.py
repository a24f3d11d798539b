#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The mirrored host's own tunnels in UDP: GRE, VXLAN-GPE with each of its protocols and with none, Teredo through a
server and past it. A VNI of its own is that of the record. IPv6 in any other datagram is left alone."""

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from recipe import ENI_MAC, GATEWAY_MAC, SOURCE_ENI, Capture, Client, get, outer, pattern, post, vxlan_header

MIRROR_VNI, OWN_VNI = 1377, 88
SIX = {"src": "2001:0:c000:201:8000:f12a:34ff:8ef8", "dst": "2001:db8::1"}  # a Teredo client's, and any
AUTHENTICATION, ORIGIN = bytes.fromhex("00010000" "0b22df880b22df88" "00"), bytes.fromhex("0000" "0ed5" "34ff8ef8")


def mirrored(payload, dport, sport=50000):
    packet = Ether(src=GATEWAY_MAC, dst=ENI_MAC) / IP(src="198.51.100.9", dst=SOURCE_ENI, ttl=57)
    packet /= UDP(sport=sport, dport=dport) / Raw(payload)
    return bytes(outer(vxlan_header(MIRROR_VNI) + bytes(packet)))


def vxlan_gpe(next_protocol):
    return bytes([0x0C, 0, 0, next_protocol]) + vxlan_header(OWN_VNI)[4:]


capture = Capture(__file__, vni=MIRROR_VNI)
for number, (name, address, ports, header, whole, vni) in enumerate((
    ("gre", {}, (4754,), b"\0\0\x08\0", False, MIRROR_VNI),
    ("gre-frame", {}, (4754,), b"\x20\0\x65\x58key.", True, MIRROR_VNI),
    ("gpe-ipv4", {}, (4790,), vxlan_gpe(1), False, OWN_VNI),
    ("gpe-ipv6", {**SIX, "src": "2001:db8:4::7"}, (4790,), vxlan_gpe(2), False, OWN_VNI),
    ("gpe-frame", {}, (4790,), vxlan_gpe(3), True, OWN_VNI),
    ("gpe-none", {}, (4790,), vxlan_header(OWN_VNI), True, OWN_VNI),
    ("teredo", SIX, (3797, 32900), b"", False, MIRROR_VNI),
    ("teredo-server", SIX, (3544,), AUTHENTICATION, False, MIRROR_VNI),
    ("teredo-port", {**SIX, "src": "2001:db8:4::7"}, (3544,), b"", False, MIRROR_VNI),
    ("teredo-origin", SIX, (3797, 3544), ORIGIN, False, MIRROR_VNI),
)):
    client = Client(51234 + number, **address)

    def wrap(frame):
        return mirrored(header + bytes(frame if whole else frame.payload), *ports)

    capture.add(client.open(), wrap)
    capture.request(client, get(f"/{name}"), wrap=wrap, vni=vni)
    capture.request(client, post(f"/{name}", pattern(2000)), wrap=wrap, vni=vni)
    capture.add(client.fin(), wrap)
others = Client(51999, src="2001:db8:4::7", dst="2001:db8::1").send(get("/alone").wire())
capture.add(others, lambda frame: mirrored(bytes(frame.payload), 32900))
capture.save(requests_rebuilt=20, frame_inner_not_tcp=1)
