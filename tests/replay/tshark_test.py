#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks tshark which requests are in every fixture, and compares: method, target and Host, as multisets. Where tshark
does otherwise, the table below says why, one by one; anything else that differs is a failure, and so is a row that has
nothing to explain any more.

    tshark_test.py REBUILDER FIXTURES_DIRECTORY [--list]

--list prints the differences as rows for that table.
"""

import collections
import concurrent.futures
import functools
import json
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from replay import SKIP, replay  # noqa: E402

BEHIND_FIN = "takes what stands behind a FIN for data"
CHUNKS = "loses its place where a segment ends inside the last line of a chunked body"
EMPTY_LINES = "does not pass over empty lines in front of a request"
HOLE = "waits for a hole to be filled until the capture ends, and shows nothing behind it"
LATE = "sees the hole filled, after we gave it up: too late, or too much behind it"
METHODS = "knows methods by a list"
NETWORKS = "takes equal connections in two virtual networks for one"
NOT_MIRRORED = "also shows what no mirror sent: outside the tunnel, or without a VNI"
NO_GPE = "knows no VXLAN-GPE that doesn't name what follows"
PIECES = "shows of a header section in CONTINUATION frames what the first ones have"
PREFACE = "knows no preface that comes in pieces"
PROXY = "knows no HTTP behind the PROXY protocol's header"
REFUSED = "has no limits"
SECTIONS = "shows every header section, whether its request comes to an end or not"
TABLE = "doesn't let a dynamic table grow when it hasn't taken the server's SETTINGS for such"
TEREDO = "knows Teredo by its servers' port only"
LEFT_OUT = {
    "h2-broken-*": "goes on where a server ends the connection",
    "h2-continuation-flood": "has no limits",
    "h2-interrupted-block": "goes on where a server ends the connection",
    "h2-malformed": "shows what a server refuses",
    "real-http2": TABLE,
}


def rows(who, why, *requests):
    return [(who, f"{request} shop.example.com", why) for request in requests]


KNOWN = {
    "h1-chunked": [
        ("only ours", "POST /odd-splits shop.example.com", CHUNKS),
    ],
    "h1-leading-crlf": [
        ("only ours", "GET /first shop.example.com", EMPTY_LINES),
        ("only ours", "GET /lf shop.example.com", EMPTY_LINES),
    ],
    "h1-methods": [
        ("only ours", "PURGE /cached shop.example.com", METHODS),
        ("only ours", "FOOBAR /foobar shop.example.com", METHODS),
        ("only ours", "FOOBAR /foobar shop.example.com", METHODS),
        ("only ours", "get /lower shop.example.com", METHODS),
        ("only ours", "PURGE /first shop.example.com", METHODS),
        ("only ours", "FOOBAR /first shop.example.com", METHODS),
        ("only ours", "get /first shop.example.com", METHODS),
    ],
    "h1-split-every-byte": [
        ("only ours", "POST /three shop.example.com", CHUNKS),
    ],
    "h2-both-directions": rows("only ours", TABLE, "GET /larger", "GET /larger", "GET /smaller", "GET /smaller"),
    "h2-continuation": [
        *rows("only ours", PIECES, "GET /cookies", "GET /64-continuations", "POST /trailers"),
        ("only tshark", "GET  ", PIECES),
        ("only tshark", "GET  ", PIECES),
        ("only tshark", "POST shop.example.com shop.example.com", PIECES),
    ],
    "h2-gap-across-frames": rows("only tshark", SECTIONS, "POST /half", "POST /no-length", "POST /hit",
                                 "GET /in-pieces"),
    "h2-gap-in-data": [
        *rows("only ours", HOLE, "GET /mid-segment", "GET /at-a-start", "GET /after-the-hole-was-given-up",
              "POST /kept", "POST /neighbour", "GET /behind", "GET /end"),
        ("only ours", "CONNECT db.example.com:5432 db.example.com:5432", HOLE),
        *rows("only tshark", SECTIONS, "POST /lost"),
    ],
    "h2-head-limits": rows("only tshark", REFUSED, "GET /bomb", "POST /bomb", "GET /300-fields"),
    "h2-hpack-forms": rows("only ours", TABLE, "GET /fill-the-table", "GET /", "GET /after"),
    "h2-open-streams": rows("only tshark", REFUSED, "POST /open") * 44,
    "h2-proxy-protocol": rows("only ours", PROXY, "GET /first", "POST /second") * 4,
    "h2-rapid-reset": rows("only tshark", SECTIONS, "POST /reset") * 1100,
    "h2-reset": rows("only tshark", SECTIONS, "POST /in-the-body", "POST /behind-its-head", "POST /length-reached",
                     "POST /its-neighbour"),
    "h2-split-every-byte": rows("only ours", PREFACE, "GET /one?byte=1", "POST /two", "POST /three", "GET /four"),
    "h2-stray": rows("only tshark", SECTIONS, "POST /reset", "GET /skipped"),
    "h2-table-size": rows("only ours", TABLE, "GET /16384", "GET /uses-16384", "GET /uses-9000", "GET /evicts-by-9000",
                          "GET /too-large", "GET /fills-anew", "GET /uses-what-is-new", "GET /lent", "GET /after"),
    "h2-unfinished": rows("only tshark", SECTIONS, "POST /half-a-body", "POST /only-a-head", "GET /half-a-head") * 3
    + rows("only tshark", SECTIONS, "POST /no-end", "GET /no-end"),
    "proxy-protocol": [
        ("only ours", "GET /first shop.example.com", PROXY),
        ("only ours", "GET /first shop.example.com", PROXY),
        ("only ours", "GET /first shop.example.com", PROXY),
        ("only ours", "GET /first shop.example.com", PROXY),
        ("only ours", "GET /first shop.example.com", PROXY),
    ],
    "tcp-fin-with-data": [
        ("only tshark", "GET /behind-the-fin shop.example.com", BEHIND_FIN),
    ],
    "tcp-gap-at-end": [
        ("only ours", "GET /behind-the-hole shop.example.com", HOLE),
    ],
    "tcp-gap-between-requests": [
        ("only ours", "POST /after shop.example.com", HOLE),
        ("only ours", "GET /end shop.example.com", HOLE),
    ],
    "tcp-gap-by-scatter": [
        ("only tshark", "POST /lost shop.example.com", LATE),
    ],
    "tcp-gap-filled-late": [
        ("only tshark", "POST /lost shop.example.com", LATE),
    ],
    "tcp-gap-in-body": [
        ("only ours", "GET /mid-segment shop.example.com", HOLE),
        ("only ours", "GET /at-a-start shop.example.com", HOLE),
        ("only ours", "GET /after-the-hole-was-given-up shop.example.com", HOLE),
        ("only ours", "POST /kept shop.example.com", HOLE),
        ("only ours", "GET /end shop.example.com", HOLE),
    ],
    "tcp-gap-in-chunked": [
        ("only ours", "GET /resync shop.example.com", HOLE),
        ("only ours", "GET /end shop.example.com", HOLE),
    ],
    "tcp-gap-in-head": [
        ("only ours", "POST /resync shop.example.com", HOLE),
        ("only ours", "GET /and-on shop.example.com", HOLE),
        ("only ours", "GET /end shop.example.com", HOLE),
    ],
    "two-vnis": [
        ("only ours", "POST /1378/0 shop.example.com", NETWORKS),
        ("only ours", "POST /1378/1 shop.example.com", NETWORKS),
        ("only ours", "POST /1378/2 shop.example.com", NETWORKS),
    ],
    "vxlan-cut": [
        ("only ours", "GET /behind shop.example.com", HOLE),
        ("only ours", "POST /fits shop.example.com", HOLE),
        ("only ours", "GET /end shop.example.com", HOLE),
    ],
    "vxlan-inner-tunnels": [
        ("only ours", "GET /gpe-none shop.example.com", NO_GPE),
        ("only ours", "POST /gpe-none shop.example.com", NO_GPE),
        ("only ours", "GET /teredo shop.example.com", TEREDO),
        ("only ours", "POST /teredo shop.example.com", TEREDO),
    ],
    "vxlan-refused": [
        ("only tshark", "GET /-/healthcheck 10.0.9.9", NOT_MIRRORED),
        ("only tshark", "GET /refused shop.example.com", NOT_MIRRORED),
    ],
}
FIELDS = ("http.request.method", "http.request.uri", "http.host")
NO_XML = re.compile("[\0-\x08\x0b-\x1f\x7f]")  # which tshark writes all the same, where it shows text


def octets(field):
    """A field's bytes as the record shows them."""
    return bytes.fromhex(field.get("value", "")).decode("latin-1")


def value(field):
    """Of Host, tshark gives the whole line."""
    text = octets(field)
    return text.partition(":")[2].strip(" \t\r\n") if field.get("name") == "http.host" else text


def http1_request(protocol):
    found = {}
    for field in protocol.iter("field"):
        if field.get("name") in FIELDS:
            found.setdefault(field.get("name"), value(field))
    return tuple(found.get(name, "") for name in FIELDS) if "http.request.method" in found else None


def http2_request(frame):
    found = {}
    for field in frame.iter("field"):
        if field.get("name") == "http2.header":
            parts = {part.get("name"): octets(part) for part in field}
            found.setdefault(parts.get("http2.header.name"), parts.get("http2.header.value", ""))
    host = found.get(":authority", found.get("host", ""))
    return (found[":method"], found.get(":path", host), host) if ":method" in found else None


def by_tshark(capture):
    """The requests of a capture. In pdml each request is an element of its own, whatever frame it shares."""
    run = subprocess.run(["tshark", "-n", "-r", capture, "-o", "tcp.reassemble_out_of_order:TRUE",
                          "-Y", "http.request or http2.headers.method", "-T", "pdml", "-J", "http http2"],
                         capture_output=True, check=True)
    requests = []
    for protocol in xml.etree.ElementTree.fromstring(NO_XML.sub("", run.stdout.decode(errors="replace"))).iter("proto"):
        if protocol.get("name") == "http":
            requests.append(http1_request(protocol))
        if protocol.get("name") == "http2":
            requests += map(http2_request, protocol.findall("field[@name='http2.stream']"))
    return collections.Counter(filter(None, requests))


def by_us(rebuilder, capture):
    with tempfile.TemporaryDirectory() as scratch:
        run = replay(rebuilder, [capture], Path(scratch) / "ledger.json")
    if run.status or run.problems:
        raise RuntimeError(f"{capture.name}: exit status {run.status}, {run.problems}")
    return collections.Counter((record["method"], record["target"], record["host"]) for record in run.records)


def differences(rebuilder, capture):
    theirs, ours = by_tshark(capture), by_us(rebuilder, capture)
    return collections.Counter({
        **{("only tshark", " ".join(request)): count for request, count in (theirs - ours).items()},
        **{("only ours", " ".join(request)): count for request, count in (ours - theirs).items()},
    })


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__.strip())
    if not shutil.which("tshark"):
        print("skipped: tshark is not installed")
        return SKIP
    captures = sorted(path for path in Path(sys.argv[2]).iterdir() if path.suffix in (".pcap", ".pcapng")
                      and not any(path.match(f"{pattern}.pcap") for pattern in LEFT_OUT))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(4) as pool:  # tshark mostly waits when it starts
        found = dict(zip((capture.stem for capture in captures),
                         pool.map(functools.partial(differences, sys.argv[1]), captures)))
    if sys.argv[3:] == ["--list"]:
        for name, rows in found.items():
            if rows:
                print(f"    {json.dumps(name)}: [")
                for who, what in rows.elements():
                    print(f"        ({json.dumps(who)}, {json.dumps(what)}, {json.dumps('')}),")
                print("    ],")
        return 0
    for name in sorted(found.keys() | KNOWN.keys()):
        known = collections.Counter((who, what) for who, what, _ in KNOWN.get(name, []))
        problems = [f"{who}: {what}" for who, what in (found.get(name, known - known) - known).elements()]
        problems += [f"stale: {who}: {what}" for who, what in (known - found.get(name, known - known)).elements()]
        failed += bool(problems)
        if problems:
            print(f"FAIL {name}", *problems, sep="\n       ")
    print(f"{len(found)} fixtures, {sum(map(len, KNOWN.values()))} known differences, {failed} failed")
    return 1 if failed or not found else 0


if __name__ == "__main__":
    sys.exit(main())
