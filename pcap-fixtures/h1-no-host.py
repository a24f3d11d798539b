#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""No Host header: the record's host is empty. Two of them: the first counts."""

from recipe import Capture, Client, Request

capture = Capture(__file__)
client = Client()
capture.add(client.open())
capture.request(client, Request("GET", "/no-host", [["User-Agent", "fixture/1.0"]]))
capture.request(client, Request("GET", "/no-headers-at-all"))
two = [["hOST", "one.example.com"], ["Host", "two.example.com"]]
capture.request(client, Request("GET", "/two-hosts", two))
capture.add(client.fin())
capture.save(requests_rebuilt=3)
