#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What HTTP/2 can carry and HTTP/1.1 can't, and what clients shouldn't send: recorded as it came."""

from http2 import Http2, Request, get, unsized
from recipe import Capture

capture = Capture(__file__)
h2 = Http2(capture)
h2.open()
h2.request(get("/values", ("x-crlf", "a\r\nx-injected: b"), ("x-lf", "a\nb"), ("x-cr", "a\rb"), ("x-nul", "a\0b"),
               ("x-ends", "\r\n\r\nGET /injected HTTP/1.1\r\n\r\n")))
h2.request(get("/spaces", ("x-spaces", "  both  "), ("x-tabs", "\tboth\t"), ("x-only-spaces", "   "), ("x-empty", "")))
h2.request(get("/high", ("x-latin1", "Bj\xf6rn"), ("x-utf8", "Zoë ☃".encode().decode("latin-1")), ("x-del", "\x7f")))
h2.request(get("/names", *[(name, "odd") for name in (
    "with space", "with:colon", "(brackets)", "na\xefve", "nul\0", "line\r\nx-injected", " ", "\x7f", "\xff",
    "x-good")]))
for target in ("no-slash", "?query", "http://other.example.com/absolute", "/with space", "//", "/caf\xe9\xff",
               "/line\r\nx-injected: 1", "/nul\0", "/#fragment", "*", "/" + "long/" * 400):
    h2.request(get(target))
for authority in ("user:secret@shop.example.com:8080", "two words", "line\r\nx-injected: 1", "SHOP.Example.COM."):
    h2.request(get("/authority", authority=authority))
for scheme in ("ftp", "HTTP", "x y"):
    h2.request(get("/scheme", scheme=scheme))
for method in ("PURGE", "get", "M-SEARCH", "!#$%&'*+-.^_`|~0", "PRI", "A" * 100):
    h2.request(get("/method", method=method))

# Fields of HTTP/1.1's connections, which say nothing about the framing here.
h2.request(unsized("/transfer-encoding", b"0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n", ("transfer-encoding", "chunked")))
h2.request(get("/connection", ("connection", "close, x-secret"), ("keep-alive", "5"), ("upgrade", "websocket"),
               ("proxy-connection", "close"), ("te", "gzip"), ("x-secret", "1")))
h2.request(unsized("/expect", b"body", ("expect", "100-continue")))
h2.request(Request("GET", "/trailers", [], b"", [["x-crlf", "a\r\nb"], ["odd name", "\0"]]))
h2.request(get("/after"))
h2.close()
capture.save(requests_lost_http2_malformed=0, requests_started=33, requests_rebuilt=33, streams_http2=1)
