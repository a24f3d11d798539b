#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The client waits for 100 Continue (not seen in a one-way mirror) before it sends the body; another doesn't
wait."""

from recipe import Capture, Client, chunked, pattern, post

capture = Capture(__file__)
client = Client()
capture.add(client.open())

request = post("/waits", pattern(900), ("Expect", "100-continue"))
ts = capture.add(client.send(request.head()))
capture.wait(0.9)
client.answered(25)
capture.add(client.send(request.body))
client.answered()
capture.expect(request, client, ts)

capture.request(client, post("/does-not-wait", pattern(80, 1), ("Expect", "100-continue")))

request = chunked("/chunked", pattern(16, 2))
request.headers.append(("Expect", "100-Continue"))
ts = capture.add(client.send(request.head()))
capture.wait(1.4)
client.answered(25)
capture.add(client.send(b"10\r\n" + request.body + b"\r\n0\r\n\r\n"))
capture.expect(request, client, ts)
capture.add(client.fin())
capture.save(requests_rebuilt=3)
