#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The FIN rides on the last data; that segment comes again; and bytes behind the FIN are nobody's."""

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
client.offset -= 1
behind = get("/behind-the-fin").wire()
capture.add(client.send(behind))
capture.save(requests_started=2, requests_rebuilt=2, flows_opened=2, requests_lost_to_close=0)
