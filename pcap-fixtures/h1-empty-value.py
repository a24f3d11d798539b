#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Empty header values, white space around values, no space behind the colon."""

from recipe import Capture, Client, Request

capture = Capture(__file__)
client = Client()
capture.add(client.open())
request = Request("GET", "/empty", [["Host", ""], ["X-Empty", ""], ["X-Blank", ""], ["X-Tight", "a:b"],
                                    ["X-Loose", "in  side"], ["X-Last", ""]])
wire = (b"GET /empty HTTP/1.1\r\nHost:\r\nX-Empty:\r\nX-Blank:  \t \r\nX-Tight:a:b\r\n"
        b"X-Loose: \t in  side\t \r\nX-Last: \r\n\r\n")
capture.request(client, request, wire=wire)
capture.request(client, request, *[1] * len(wire), wire=wire)
capture.add(client.fin())
capture.save(requests_rebuilt=2)
