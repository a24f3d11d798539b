#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""gRPC calls: unary, and a stream of messages over seconds, one of them cut over DATA frames, ended by an empty one."""

import struct

from http2 import Http2, Request, data
from recipe import Capture, pattern


def call(method, *messages):
    fields = [("content-type", "application/grpc"), ("user-agent", "grpc-go/1.60.1"), ("te", "trailers"),
              ("grpc-timeout", "999m"), ("x-trace-bin", "AAECAwQ=")]
    return Request("POST", f"/shop.v1.Orders/{method}", fields, b"".join(messages), authority="orders:50051")


def message(size, seed):
    return struct.pack(">BI", 0, size) + pattern(size, seed)


capture = Capture(__file__)
h2 = Http2(capture)
h2.open()
h2.request(call("Get", message(21, 0)))
h2.request(call("Get", message(0, 0)))
h2.request(call("Put", message(9000, 1)), 5, 4096)

messages = [message(size, size) for size in (30, 2500, 0, 700)]
streaming = call("Watch", *messages)
ts = h2.send(h2.head(streaming))
stream = h2.stream
for part in messages:
    capture.wait(0.8)
    h2.send(data(stream, part[:3]) + data(stream, part[3:]))
    h2.request(call("Get", message(17, 2)))
capture.wait(5)
h2.send(data(stream, end=True))
h2.expect(streaming, ts)
h2.close()
capture.save(requests_started=8, requests_rebuilt=8, streams_http2=1)
