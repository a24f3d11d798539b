#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Redis: RESP in both directions, and in each alone. A request that is stored in it is none."""

from recipe import Capture, dialogue, get


def command(*words):
    return b"".join([b"*%d\r\n" % len(words), *map(bulk, words)])


def bulk(word):
    return b"$%d\r\n%b\r\n" % (len(word), word)


capture = Capture(__file__)
page = get("/cached").wire()
dialogue(capture, 6379, [
    ("C", command(b"HELLO", b"3")),
    ("S", b"%3\r\n" + b"".join(map(bulk, (b"server", b"redis", b"version", b"7.0.15", b"mode", b"standalone")))),
    ("C", command(b"SET", b"page") + b"$%d\r\n" % len(page)),
    ("C", page),
    ("C", b"\r\n"),
    ("S", b"+OK\r\n"),
    ("C", command(b"GET", b"page")),
    ("S", bulk(page)),
    ("C", command(b"INCR", b"hits")),
    ("S", b":1\r\n"),
])
capture.save(requests_started=0, streams_redis=4, streams_unknown=0, streams_http1=0, flows_opened=3)
