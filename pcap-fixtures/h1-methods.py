#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Methods beyond GET and POST, known, unknown and lower-case; in a row, and as the first words of a
connection."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client()
capture.add(client.open())
capture.request(client, get("/head", method="HEAD"))
capture.request(client, get("/options", method="OPTIONS"))
capture.request(client, get("*", method="OPTIONS"))
capture.request(client, post("/put", pattern(40), method="PUT"))
capture.request(client, get("/delete", method="DELETE"))
capture.request(client, post("/delete", b"why", method="DELETE"))
capture.request(client, post("/patch", pattern(50), method="PATCH"))
capture.request(client, post("/dav/", b"<propfind/>", ("Depth", "1"), method="PROPFIND"))
capture.request(client, get("/cached", method="PURGE"))
capture.request(client, get("/trace", method="TRACE"))
capture.request(client, post("/get-with-body", pattern(30), method="GET"))
capture.request(client, get("/foobar", method="FOOBAR"))
capture.request(client, post("/foobar", pattern(60), method="FOOBAR"))
capture.request(client, get("/lower", method="get"))
capture.request(client, get("/last"))
capture.add(client.fin())
for number, method in enumerate(["OPTIONS", "PROPFIND", "PURGE", "FOOBAR", "get", "M-SEARCH"]):
    client = Client(52000 + number)
    capture.add(client.open())
    capture.request(client, get("/first", method=method))
    capture.add(client.fin())
capture.save(requests_started=21, requests_rebuilt=21, streams_http1=7)
