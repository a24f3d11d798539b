#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Half-closed connections, both directions mirrored: the server answers behind the client's FIN, and a client
goes on sending behind the server's FIN."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + pattern(3000)

client = Client()
capture.add(client.open(both=True))
request = post("/client-is-done", pattern(500))
ts = capture.add(client.send(request.wire()) + client.fin())
capture.expect(request, client, ts)
capture.add(client.reply(answer) + client.server_fin() + [client.at(client.offset, b"")])

client = Client(51235)
capture.add(client.open(both=True))
request = get("/first")
ts = capture.add(client.send(request.wire()))
capture.expect(request, client, ts)
capture.add(client.reply(answer) + client.server_fin())
request = post("/behind-the-servers-fin", pattern(2000))
ts = capture.add(client.send(request.wire()) + client.fin())
capture.expect(request, client, ts)
capture.save(requests_rebuilt=3, flows_opened=2, tcp_gaps=0)
