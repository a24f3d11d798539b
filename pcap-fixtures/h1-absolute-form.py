#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Targets with scheme and host: the record has the target and the Host header as sent, even where they
differ."""

from recipe import Capture, Client, get, post

capture = Capture(__file__)
client = Client(dport=3128)
capture.add(client.open())
capture.request(client, get("http://shop.example.com/a?b=http://c/"))
capture.request(client, get("http://other.example.org:8080/x"))
capture.request(client, post("HTTP://[2001:db8::1]:8080/y", b"z"))
capture.request(client, get("https://shop.example.com"))
capture.add(client.fin())
capture.save(requests_rebuilt=4)
