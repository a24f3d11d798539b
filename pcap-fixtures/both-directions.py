#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Both directions mirrored: the answers are recognised and left alone, 100 Continue too; the requests are
whole."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)


def answer(size):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + pattern(size)


client = Client()
capture.add(client.open(both=True))
for request in (get("/one"), post("/two", pattern(3000, 1)), get("/three")):
    ts = capture.add(client.send(request.wire()))
    capture.expect(request, client, ts)
    capture.add(client.frame("A", client.server_seq, client.isn + 1 + client.offset, from_server=True))
    capture.add(client.reply(answer(5000)))
    capture.add(client.at(client.offset, b""))
request = post("/four", pattern(800, 2), ("Expect", "100-continue"))
ts = capture.add(client.send(request.head()))
capture.add(client.reply(b"HTTP/1.1 100 Continue\r\n\r\n"))
capture.add(client.send(request.body))
capture.expect(request, client, ts)
capture.add(client.reply(answer(10)))
capture.add(client.fin() + client.server_fin() + [client.at(client.offset, b"")])

client = Client(51235)  # joined midstream, an answer first
client.offset = 9000
capture.add(client.reply(answer(3000)))
request = get("/five")
ts = capture.add(client.send(request.wire()))
capture.expect(request, client, ts)
capture.add(client.reply(answer(30)))
capture.save(requests_rebuilt=5, streams_http1=2, streams_http1_responses=2, flows_opened=2, tcp_gaps=0)
