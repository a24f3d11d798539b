#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One GET in one segment: the plainest case. Header names keep their case, order and duplicates; inner spaces
stay."""

from recipe import Capture, Client, get

capture = Capture(__file__)
client = Client()
capture.add(client.open())
capture.request(client, get(
    "/catalogue/shoes?size=42&colour=dark%20red",
    ("aCCept", "text/html,*/*;q=0.8"), ("X-Forwarded-For", "198.51.100.4"), ("Cookie", "a=1;  b=2"),
    ("X-Forwarded-For", "192.0.2.9"), ("cookie", "c=3")))
capture.add(client.fin())
capture.save(requests_started=1, requests_rebuilt=1, streams_http1=1, flows_opened=1,
             flows_midstream=0, tcp_gaps=0)
