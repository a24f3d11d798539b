#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The FIN rides on the last data; that segment comes again. Bytes behind a FIN are nobody's when the server has
acknowledged it; else it may have been forged, to make an observer look away, and the stream goes on."""

from recipe import Capture, Client, get, pattern, post

capture = Capture(__file__)
client = Client()
capture.add(client.open())
request = post("/with-fin", pattern(2000))
head, tail = request.wire()[:1448], request.wire()[1448:]
ts = capture.add(client.send(head))
last = client.fin(tail)
capture.add(last)
capture.expect(request, client, ts)
capture.add(last)

client = Client(51235)
capture.add(client.open())
request = get("/whole-with-fin")
ts = capture.add(client.fin(request.wire()))
capture.expect(request, client, ts)
capture.add(client.frame("A", client.server_seq, client.isn + 1 + client.offset, from_server=True))
client.offset -= 1
behind = get("/behind-the-fin").wire()
capture.add(client.send(behind))

client = Client(51236)
capture.add(client.open())
capture.request(client, get("/in-front-of-a-forged-fin"))
capture.add(client.fin())
client.offset -= 1
capture.request(client, get("/behind-a-forged-fin"))
capture.save(requests_started=4, requests_rebuilt=4, flows_opened=3, requests_lost_to_close=0,
             tcp_end_disbelieved=1, tcp_after_close_bytes=len(behind))
