#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every reason to refuse a frame, among frames of a request that is rebuilt: no I flag, headers cut short,
lengths that lie, other protocols inside, fragments, and traffic that is no mirror's. Each frame has its
counter."""

import struct

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from recipe import (APPLIANCE, ENI_MAC, GATEWAY_MAC, OUTER_DST_MAC, OUTER_SRC_MAC, SOURCE_ENI, Capture,
                    Client, Vxlan, get, outer, pattern, post, vxlan_header)

capture = Capture(__file__)
refused = {}


def refuse(counter, frame):
    refused[counter] = refused.get(counter, 0) + 1
    capture.add(frame, wrap=bytes)


def mirrored(inner):
    return outer(vxlan_header(1377) + bytes(inner))


def geneve(version_and_length, flags, inner):
    return outer(struct.pack(">BBHI", version_and_length, flags, 0x6558, 1377 << 8) + inner, dport=6081)


link = Ether(src=OUTER_SRC_MAC, dst=OUTER_DST_MAC)
inner_link = Ether(src=GATEWAY_MAC, dst=ENI_MAC)
victim = Client(51999)
inner = victim.send(get("/refused").wire())[0]
inner_bytes = bytes(inner)
tunnel_bytes = Vxlan()(inner)

client = Client()
capture.add(client.open())
request = post("/among-others", pattern(2000))
first, second = client.send(request.wire())
ts = capture.add(first)

# Not the mirror's: health checks, resolver answers, ARP, ping.
health = IP(src="10.0.9.1", dst=APPLIANCE) / TCP(sport=31000, dport=9445, flags="PA", seq=1, ack=1)
refuse("frame_not_tunnel", link / health / Raw(b"GET /-/healthcheck HTTP/1.1\r\nHost: 10.0.9.9\r\n\r\n"))
refuse("frame_not_tunnel", outer(bytes(40), sport=53, dport=40000))
refuse("frame_not_tunnel", outer(vxlan_header(1377) + inner_bytes, sport=4789, dport=40000))
refuse("frame_not_tunnel", link / ARP(hwsrc=OUTER_SRC_MAC, psrc=SOURCE_ENI, pdst=APPLIANCE))
refuse("frame_not_tunnel", link / IP(src=SOURCE_ENI, dst=APPLIANCE) / ICMP(id=1, seq=1))
refuse("frame_not_tunnel", Ether(src=OUTER_SRC_MAC, dst=OUTER_DST_MAC, type=0x88CC) / Raw(bytes(46)))

# Outer headers cut short, or with lengths that cannot be.
refuse("frame_outer_truncated", tunnel_bytes[:10])
refuse("frame_outer_truncated", tunnel_bytes[:14 + 12])
refuse("frame_outer_truncated", tunnel_bytes[:14 + 20 + 5])
refuse("frame_outer_truncated", link / IP(src=SOURCE_ENI, dst=APPLIANCE, proto=17, ihl=4) / Raw(bytes(60)))
refuse("frame_outer_truncated", link / IP(src=SOURCE_ENI, dst=APPLIANCE, proto=17, len=10) / Raw(bytes(60)))
lying = outer(vxlan_header(1377) + inner_bytes)
lying[UDP].len = 7
refuse("frame_outer_truncated", lying)

# Outer fragments, of datagrams that never complete.
datagram = bytes(outer(vxlan_header(1377) + inner_bytes)[UDP])
first_part = IP(src=SOURCE_ENI, dst=APPLIANCE, proto=17, ttl=255, id=77, flags="MF")
refuse("frame_outer_fragment", link / first_part / Raw(datagram[:64]))
last_part = IP(src=SOURCE_ENI, dst=APPLIANCE, proto=17, ttl=255, id=78, frag=8)
refuse("frame_outer_fragment", link / last_part / Raw(datagram[64:]))

# The tunnel header.
refuse("frame_tunnel_truncated", outer(b""))
refuse("frame_tunnel_truncated", outer(vxlan_header(1377)[:4]))
refuse("frame_tunnel_truncated", geneve(63, 0, bytes(16)))  # 252 bytes of options are said to follow
refuse("frame_vxlan_no_vni", outer(vxlan_header(1377, flags=0x00) + inner_bytes))
refuse("frame_vxlan_no_vni", outer(vxlan_header(1377, flags=0xF7) + inner_bytes))
refuse("frame_geneve_unsupported", geneve(0x40, 0, inner_bytes))  # version 1
refuse("frame_geneve_unsupported", geneve(0, 0x80, inner_bytes))  # a control packet

# Inner headers cut short.
refuse("frame_inner_truncated", mirrored(b""))
refuse("frame_inner_truncated", mirrored(inner_bytes[:10]))
refuse("frame_inner_truncated", mirrored(inner_bytes[:14 + 12]))
refuse("frame_inner_truncated", mirrored(inner_bytes[:14 + 20 + 12]))
refuse("frame_inner_truncated", mirrored(inner_bytes[:14 + 20 + 20 + 6]))

# Not TCP over IP.
refuse("frame_inner_not_ip", mirrored(inner_link / ARP(hwsrc=GATEWAY_MAC, psrc="10.0.1.1", pdst=SOURCE_ENI)))
refuse("frame_inner_not_ip", mirrored(Ether(src=GATEWAY_MAC, dst=ENI_MAC, type=0x88CC) / Raw(bytes(46))))
four, six = IP(src="10.0.0.2", dst=SOURCE_ENI), IPv6(src="2001:db8::2", dst="2001:db8::1")
udp = UDP(sport=40000, dport=80) / Raw(get("/udp").wire())
refuse("frame_inner_not_tcp", mirrored(inner_link / four / udp))
refuse("frame_inner_not_tcp", mirrored(inner_link / four / ICMP(id=1, seq=2)))
refuse("frame_inner_not_tcp", mirrored(inner_link / six / ICMPv6EchoRequest(id=1)))

# Inner lengths that cannot be.
for change in ({"ihl": 4}, {"len": 10}):
    packet = inner.copy()
    for name, value in change.items():
        setattr(packet[IP], name, value)
    refuse("frame_inner_bad_length", mirrored(packet))
no_payload = bytes(Client(51998, options=False).at(0, b""))
for packet, words in ((inner_bytes, 0), (inner_bytes, 4), (no_payload, 15)):  # the TCP data offset
    wrong = bytearray(packet)
    wrong[14 + 20 + 12] = words << 4
    refuse("frame_inner_bad_length", mirrored(wrong))

# Inner fragments, of packets that never complete.
first_part = IP(src="203.0.113.7", dst=SOURCE_ENI, proto=6, id=99, flags="MF")
refuse("frame_inner_fragment", mirrored(inner_link / first_part / Raw(inner_bytes[34:34 + 80])))
last_part = IP(src="203.0.113.7", dst=SOURCE_ENI, proto=6, id=100, frag=10)
refuse("frame_inner_fragment", mirrored(inner_link / last_part / Raw(inner_bytes[34 + 80:])))

capture.add(second)
capture.expect(request, client, ts)
capture.add(client.fin())
segments = 5
capture.save(frames=len(capture.packets), segments=segments, **refused, requests_started=1,
             requests_rebuilt=1)
assert len(capture.packets) == segments + sum(refused.values())
