#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Upgrade: h2c. The request that asks for it is HTTP/1.1's, and stream 1 of what follows: the preface, then streams 3,
5. Once of the client's side only, once with the 101 and the answers."""

import recipe
from http2 import GREETING, SETTINGS_ACK, Http2, data, get, headers, post, settings
from recipe import Capture, Client, pattern

UPGRADE = (("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"),
           ("HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA"))
capture = Capture(__file__)
h2 = Http2(capture)
capture.add(h2.client.open())
capture.request(h2.client, recipe.get("/upgrade", *UPGRADE))
h2.stream = 1
capture.wait(0.02)
h2.send(GREETING)
h2.request(get("/three"))
h2.send(SETTINGS_ACK)
h2.request(post("/five", pattern(3000)), 1000)
capture.wait(1)
h2.request(get("/seven"))
h2.close()

client = Client(51235)
h2, server = Http2(capture, client), Http2(capture, client)
capture.add(client.open(both=True))
request = recipe.get("/upgrade-and-answers", *UPGRADE)
capture.expect(request, client, capture.add(client.send(request.wire())))
answer = headers(1, server.hpack.block([(":status", "200")])) + data(1, pattern(500), end=True)
switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
capture.add(client.reply(switch + settings()))
capture.add(client.reply(answer))
h2.stream = 1
first = get("/three")
h2.expect(first, h2.send(GREETING + SETTINGS_ACK + h2.wire(first)))
capture.add(client.reply(SETTINGS_ACK + headers(3, server.hpack.block([(":status", "200")]), end=True)))
second = get("/five")
h2.expect(second, h2.send(h2.wire(second)))
capture.add(client.fin() + client.server_fin())
capture.save(requests_started=7, requests_rebuilt=7, streams_http1=2, streams_http2=2, http2_upgrades=2)
