# SPDX-License-Identifier: Apache-2.0
"""The HTTP/2 requests of the test http2 and of the capture real-http2: curl, nghttp, h2load, Node's client, gRPC's.

    send(client, folder, FULL)    sends all of them from a lab host; gives how many, by the server's port
"""

import collections
import json
import subprocess
import sys
from dataclasses import dataclass, field

from http2_servers import GRPC, HERE, HTTP1, NGHTTPD, NGINX, NODE, UPGRADING
from lab import ORIGIN_V4, ORIGIN_V6
from unique import PATTERN

HOST = "shop.example.com"
DIRECT = "--http2-prior-knowledge"  # one request at a time: curl 7.88 fails on a connection that it uses again


@dataclass
class Volume:
    many: int   # requests of one h2load
    large: int  # bytes of a large body


FULL, SMALL = Volume(2000, 300_000), Volume(60, 2_000)


@dataclass
class Sent:
    requests: collections.Counter = field(default_factory=collections.Counter)   # whole ones, by port
    cancelled: collections.Counter = field(default_factory=collections.Counter)  # before they were whole
    tunnels: int = 0

    def total(self):
        return self.requests.total()


def curl(folder):
    """(port, requests, arguments, standard input)"""
    large, small = folder / "large.bin", folder / "small.bin"
    order = '{"item":"Käse","quantity":3,"note":"\\"quoted\\" \\\\ and <tags>"}'
    for port, how in ((NODE, DIRECT), (NGINX, DIRECT), (UPGRADING, "--http2"), (HTTP1, "--http2")):
        url = f"http://{HOST}:{port}"
        times = 1 if how == DIRECT else 3
        yield port, 1, [how, f"{url}/"], None
        yield port, 1, [how, f"{url}/search?q=%27%20OR%201=1--&lang=de&x=a%2Fb"], None
        yield port, times, [how, "-b", "session=0123456789abcdef; theme=dark", "-H", "X-Name: Käse", "-H", "X-Empty;",
                            f"{url}/asset/[1-{times}].js"], None
        yield port, 1, [how, "-I", f"{url}/page"], None
        yield port, 1, [how, "-X", "DELETE", f"{url}/api/order/17"], None
        if port == UPGRADING:  # nghttpx 1.64 refuses an upgrade with a body
            continue
        yield port, times, [how, "-H", "Content-Type: application/json", "--data-binary", order,
                            f"{url}/api/order/[1-{times}]"], None
        yield port, 1, [how, "--data-binary", f"@{large}", f"{url}/large"], None
        yield port, 1, [how, "-T", "-", f"{url}/stream"], large.read_bytes()[::-1]
        yield port, 1, [how, "-F", "name=report", "-F", f"file=@{small};type=application/octet-stream",
                        f"{url}/upload"], None
    yield NODE, 1, ["-6", DIRECT, "-d", "a=1", f"http://{HOST}:{NODE}/v6"], None
    yield UPGRADING, 32, ["--parallel", "--parallel-max", "16", "--http2",
                          f"http://{HOST}:{UPGRADING}/parallel/[1-32]"], None


def nghttp(folder):
    """(port, how often, arguments, paths). By default each connection has a tree of priorities."""
    large, small = folder / "large.bin", folder / "small.bin"
    crumbs = [word for text in ("cookie: a=1", "cookie: b=2; c=3", "x-twice: 1", "cookie: d=4", "x-twice: 2")
              for word in ("-H", text)]
    for port in (NODE, NGHTTPD):
        yield port, 1, [], ["/nghttp"]
        yield port, 1, ["--no-dep", "-p", "200", "-p", "1"], ["/nghttp/a", "/nghttp/b", "/nghttp/c?d=e"]
        yield port, 2, crumbs, ["/crumbs"]
        yield port, 3, ["--trailer", "x-digest: abc", "--trailer", "x-other: 1", "-d", small], ["/trailers"]
        yield port, 2, ["--padding", "200", "-d", large], ["/padded"]
        yield port, 1, ["--no-content-length", "-d", small], ["/no-length"]
        yield port, 30, ["--encoder-header-table-size=8192", *crumbs], ["/encoder-table"]
        yield port, 3, ["--encoder-header-table-size=0", *crumbs], ["/no-table"]
        yield port, 3, ["-c", "0", "-c", "8192"], ["/decoder-table"]
    yield NGHTTPD, 1, ["--continuation"], ["/continuation"]
    yield NGHTTPD, 1, ["--expect-continue", "-d", small], ["/expect"]
    yield UPGRADING, 1, ["-u", *crumbs], ["/upgraded"]
    yield UPGRADING, 4, ["-u"], ["/upgraded/a", "/upgraded/b"]


def h2load(folder, many):
    """(port, requests, arguments, paths); on four connections, with 100 streams at once on each."""
    yield NODE, many, ["-H", "cookie: a=1; b=2"], [f"/h2load/{number}" for number in range(10)]
    yield NGINX, many, ["-d", folder / "small.bin"], ["/h2load/post"]
    yield NGHTTPD, many // 10, ["--encoder-header-table-size=8192"], ["/h2load/table"]


def send(client, folder, volume):
    (folder / "large.bin").write_bytes(PATTERN[:volume.large])
    (folder / "small.bin").write_bytes(PATTERN[:volume.large // 300])
    sent = Sent()

    def run(what, port, count, *command, **options):
        print(f"sending: {what} to port {port}, {count}: {command}", flush=True)
        sent.requests[port] += count
        return client.run(*command, **{"stdout": subprocess.DEVNULL} | options)

    for port, count, arguments, stdin in curl(folder):
        address = f"[{ORIGIN_V6}]" if "-6" in arguments else ORIGIN_V4
        # -q first: no configuration file of the machine takes part.
        run("curl", port, count, "curl", "-q", "-sS", "--max-time", "15", "--resolve", f"{HOST}:{port}:{address}",
            *arguments, input=stdin)
    for port, times, arguments, paths in nghttp(folder):
        run("nghttp", port, times * len(paths), "nghttp", "-n", "-t", "15", "-m", times, "-H", f":authority: {HOST}",
            *arguments, *(f"http://{ORIGIN_V4}:{port}{path}" for path in paths))
    # For an upgrade with a body, nghttp first asks for OPTIONS *.
    run("nghttp", UPGRADING, 2, "nghttp", "-n", "-t", "15", "-u", "-d", folder / "small.bin",
        f"http://{ORIGIN_V4}:{UPGRADING}/upgraded/post")
    for port, count, arguments, paths in h2load(folder, volume.many):
        run("h2load", port, count, "h2load", "-c", "4", "-m", "100", "-n", count, "-H", f":authority: {HOST}",
            *arguments, *(f"http://{ORIGIN_V4}:{port}{path}" for path in paths))
    for what, port, command in (("Node", NODE, ["node", HERE / "http2_client.js"]),
                                ("gRPC", GRPC, [sys.executable, HERE / "http2_grpc.py", "client"])):
        said = json.loads(run(what, port, 0, *command, ORIGIN_V4, port, volume.large, stdout=subprocess.PIPE).stdout)
        sent.requests[port] += said["requests"]
        sent.cancelled[port] += said["cancelled"]
        sent.tunnels += said.get("tunnels", 0)
    return sent
