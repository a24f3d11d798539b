#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Bytes from 0x80 up in target, values and body; quotes, backslashes and tabs: what JSON has to escape."""

from recipe import Capture, Client, get, post

capture = Capture(__file__)
client = Client()
capture.add(client.open())
high = "".join(map(chr, range(0x80, 0x100)))
name = ("X-Name", "Bj\xf6rn \xe2\x82\xac")
capture.request(client, get("/caf\xe9/\xc3\xa9?q=\xff\x80", name, ("X-High", high)))
capture.request(client, get('/"quoted"\\and/back', ("X-Json", '{"a":"b\\\\c/d"}'), ("X-Tab", "one\ttwo")))
capture.request(client, post("/utf8", "Zoë ☃".encode(), ("X-Utf8", "Zoë ☃".encode().decode("latin-1"))))
capture.add(client.fin())
capture.save(requests_rebuilt=3)
