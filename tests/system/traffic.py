# SPDX-License-Identifier: Apache-2.0
"""The requests of the mirror test and of the capture real-clients: curl, Python's http.client, a bare socket.

    send(client, folder, upload_bytes)   sends all of them from a lab host, gives how many

Run as a program it is one of the clients: traffic.py http-client ADDRESS, traffic.py pipeline ADDRESS.
"""

import http.client
import random
import socket
import subprocess
import sys
from pathlib import Path

from lab import ORIGIN_V4, ORIGIN_V6

HOST = "shop.example.com"
URL = f"http://{HOST}"


def cases(folder, upload_bytes):
    """(name, number of requests, curl's arguments, bytes for its standard input)"""
    noise = random.Random(1377)
    upload, body = folder / "upload.bin", folder / "body.bin"
    upload.write_bytes(noise.randbytes(upload_bytes))
    body.write_bytes(noise.randbytes(20_000))
    cookie = "session=" + "".join(noise.choices("0123456789abcdef", k=6000))
    order = '{"item":"Käse","quantity":3,"note":"\\"quoted\\" \\\\ and <tags>"}'
    return [
        ("GET", 1, [f"{URL}/"], None),
        ("GET with query and percent signs", 1, [f"{URL}/search?q=%27%20OR%201=1--&lang=de&x=a%2Fb"], None),
        ("POST with JSON", 1, ["-H", "Content-Type: application/json", "--data-binary", order,
                               f"{URL}/api/order"], None),
        ("POST with an empty body", 1, ["-X", "POST", "-d", "", f"{URL}/api/ping"], None),
        ("PUT", 1, ["-X", "PUT", "-d", "level=7", f"{URL}/api/level"], None),
        ("DELETE", 1, ["-X", "DELETE", f"{URL}/api/order/17"], None),
        ("multipart upload", 1, ["-F", "name=report", "-F", f"file=@{upload};type=application/octet-stream",
                                 f"{URL}/upload"], None),
        ("chunked upload", 1, ["-T", "-", "-H", "Transfer-Encoding: chunked", "-H", "Expect:",
                               f"{URL}/stream"], noise.randbytes(30_000)),
        ("Expect: 100-continue", 1, ["-H", "Expect: 100-continue", "--data-binary", f"@{body}",
                                     f"{URL}/large"], None),
        ("HEAD", 1, ["-I", f"{URL}/page"], None),
        ("OPTIONS", 1, ["-X", "OPTIONS", "-H", "Origin: http://other.example", f"{URL}/api/order"], None),
        ("HTTP/1.0", 1, ["-0", f"{URL}/old"], None),
        ("HTTP/1.0 with a body", 1, ["-0", "-d", "a=1&b=2", f"{URL}/old/form"], None),
        ("6 KB of cookies", 1, ["-b", cookie, f"{URL}/account"], None),
        ("behind a proxy", 1, ["-H", "X-Forwarded-For: 198.51.100.9, 10.0.0.1",
                               "-H", "X-Forwarded-Proto: https", f"{URL}/proxied"], None),
        ("keep-alive", 6, [f"{URL}/asset/[1-6].js"], None),
        ("16 connections at once", 32, ["--parallel", "--parallel-immediate", "--parallel-max", "16",
                                        "-A", "parallel", f"{URL}/parallel/[1-32]"], None),
        ("GET over IPv6", 1, ["-6", f"{URL}/v6"], None),
        ("POST over IPv6", 1, ["-6", "--data-binary", f"@{body}", "-H", "Expect:", f"{URL}/v6/upload"], None),
        ("IPv6 literal as Host", 1, ["-g", f"http://[{ORIGIN_V6}]/v6/literal"], None),
    ]


def send(client, folder, upload_bytes):
    total = 0
    for name, count, arguments, stdin in cases(folder, upload_bytes):
        print(f"sending: {name}", flush=True)
        address = f"[{ORIGIN_V6}]" if "-6" in arguments else ORIGIN_V4
        # -q first: no configuration file of the machine takes part.
        client.run("curl", "-q", "-sS", "--max-time", "15", "--resolve", f"{HOST}:80:{address}", *arguments,
                   input=stdin, stdout=subprocess.DEVNULL)
        total += count
    for name, count in (("http-client", 3), ("pipeline", 5)):
        print(f"sending: {name}", flush=True)
        client.run(sys.executable, Path(__file__).resolve(), name, ORIGIN_V4, stdout=subprocess.DEVNULL)
        total += count
    return total


def http_client(address):
    """Head and body leave in packets of their own; the body's chunks too. One connection."""
    connection = http.client.HTTPConnection(address, timeout=10)
    chunks = iter([b"first,", b"second,", b"", b"third"])
    for method, target, body, fields in (("GET", "/python?a=1", None, {"Accept-Language": "de"}),
                                         ("POST", "/python/form", b"\x00\x01\xfe\xff" * 64, {"X-Empty": ""}),
                                         ("PUT", "/python/chunks", chunks, {})):
        connection.request(method, target, body, fields | {"Host": HOST})
        connection.getresponse().read()
    connection.close()


def pipeline(address):
    """Five requests in one send; the answers are read after all of them."""
    head = f"Host: {HOST}\r\nUser-Agent: pipeline\r\n"
    requests = (f"GET /pipeline/1 HTTP/1.1\r\n{head}\r\n"
                f"POST /pipeline/2 HTTP/1.1\r\n{head}Content-Length: 11\r\n\r\nhello=world"
                f"GET /pipeline/3 HTTP/1.1\r\n{head}\r\n"
                f"POST /pipeline/4 HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\n"
                "5;name=value\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
                f"GET /pipeline/5 HTTP/1.1\r\n{head}Connection: close\r\n\r\n")
    with socket.create_connection((address, 80), timeout=10) as connection:
        connection.sendall(requests.encode())
        answers = b""
        while data := connection.recv(65536):
            answers += data
    if answers.count(b"HTTP/1.1 200") != 5:
        raise SystemExit(f"pipeline: not five answers but {answers!r}")


if __name__ == "__main__":
    {"http-client": http_client, "pipeline": pipeline}[sys.argv[1]](sys.argv[2])
