# SPDX-License-Identifier: Apache-2.0
"""Servers of HTTP/2 in cleartext whose own logs are the truth, for the test http2 and the capture real-http2.

    servers = Servers(lab.origin)
    sent = http2_traffic.send(lab.client, lab.folder, http2_traffic.FULL)
    servers.stop()
    for server in servers.all: server.seen() against map(server.view, the records whose destination is its port)
"""

import base64
import collections
import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from lab import Nginx, tool_path, wait_until

HERE = Path(__file__).resolve().parent
PROGRAMS = ("curl", "h2load", "nghttp", "nghttpd", "nghttpx", "nginx", "node", "ss")
HTTP1, NGINX, NODE, UPGRADING, NGHTTPD, GRPC = 80, 8080, 8081, 8082, 8083, 8084
WHOLE = ("src", "method", "target", "host", "protocol", "headers", "trailers", "body_len", "body_sha256")
AT_NGINX = {"content-type": "content_type", "user-agent": "user_agent", "accept": "accept", "cookie": "cookie"}


def text(names, entry):
    """What is compared of a request, in any order of its fields."""
    kept = {name: entry.get(name) for name in names}
    for name in ("headers", "trailers"):
        if name in kept:
            kept[name] = sorted(map(list, kept[name]))
    return json.dumps(kept)


def end_of(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def without_pseudo(fields):
    return [field for field in fields if not field[0].startswith(":")]


def of_fields(fields):
    """What the pseudo-header fields say, in a record's words."""
    pseudo = {name: value for name, value in fields if name.startswith(":")}
    hosts = [value for name, value in fields if name == "host"]
    return {"method": pseudo[":method"], "target": pseudo.get(":path", pseudo.get(":authority")),
            "host": pseudo.get(":authority", (hosts or [""])[0]), "protocol": pseudo.get(":protocol"),
            "headers": without_pseudo(fields)}


class Server:
    """One server and its log. `says` names what its log tells of a request."""

    name = ""
    ports = ()
    says = WHOLE

    def entries(self):
        """What was logged, in a record's words; and `whole` only if the request was."""
        raise NotImplementedError

    def of_record(self, record):
        """A record as this server's log would have it."""
        return record

    def seen(self):
        return [text(self.says, entry) for entry in self.entries() if entry["whole"]]

    def view(self, record):
        return text(self.says, self.of_record(record))

    def cancelled(self):
        return sum(not entry["whole"] for entry in self.entries())


class Node(Server):
    name = "Node"
    ports = (NODE,)

    def __init__(self, host):
        self.log = host.lab.folder / "node.jsonl"
        self.process = host.start("node", HERE / "http2_server.js", NODE, self.log)

    def logged(self, local):
        """Requests of this machine's own proxy, or those of the clients."""
        for line in self.log.read_text().splitlines():
            entry = json.loads(line)
            if (entry["peer"][0] == "127.0.0.1") == local:
                yield of_fields(entry["fields"]) | {
                    "src": end_of(*entry["peer"]), "trailers": entry["trailers"], "body_len": entry["length"],
                    "body_sha256": entry["sha256"], "whole": entry["whole"]}

    def entries(self):
        return self.logged(local=False)


class Upgrading(Server):
    """nghttpx, which takes `Upgrade: h2c`, in front of Node, which says what came."""

    name = "nghttpx"
    ports = (UPGRADING,)
    says = tuple(name for name in WHOLE if name != "src")
    OWN = ("host", "connection", "upgrade", "http2-settings", "transfer-encoding")  # not passed on

    def __init__(self, host, node):
        self.node = node
        self.process = host.start(
            "nghttpx", "--conf=/dev/null", f"--frontend=*,{UPGRADING};no-tls", f"--backend=127.0.0.1,{NODE};;proto=h2",
            "--workers=1", "--no-via", "--no-add-x-forwarded-proto", stderr=subprocess.DEVNULL)

    def entries(self):
        return map(self.of_record, self.node.logged(local=True))

    def of_record(self, record):
        """Cookies it takes apart."""
        headers = [[name.lower(), part] for name, value in record["headers"]
                   for part in (value.split("; ") if name.lower() == "cookie" else [value])]
        return record | {"headers": [field for field in headers if field[0] not in self.OWN]}


class Nghttpd(Server):
    """Its -v shows each frame and field; of bodies only how long they are."""

    name = "nghttpd"
    ports = (NGHTTPD,)
    says = ("method", "target", "host", "protocol", "headers", "trailers", "body_len")
    FIELD = re.compile(r"\[id=(\d+)\] \[[ \d.]+\] recv \(stream_id=(\d+)(?:, \w+)?\) (:?[^:]+): (.*)")
    FRAME = re.compile(r"\[id=(\d+)\] \[[ \d.]+\] recv (\w+) frame <length=(\d+), flags=0x(\w+), stream_id=(\d+)>")
    PADDING = re.compile(r" +\(padlen=(\d+)[,)]")

    def __init__(self, host):
        self.log = host.lab.folder / "nghttpd.log"
        with self.log.open("wb") as log:
            self.process = host.start("nghttpd", "--no-tls", "-v", "-d", host.lab.folder, "--padding=64",
                                      "--header-table-size=8192", NGHTTPD, stdout=log, stderr=log)

    def entries(self):
        streams = collections.defaultdict(lambda: {"fields": [], "trailers": [], "body_len": 0, "whole": False})
        data = None  # the frame whose padding comes in a line of its own
        for line in self.log.read_text("latin-1").split("\n"):
            if found := self.FIELD.match(line):
                stream = streams[found[1], found[2]]
                stream["trailers" if stream.get("begun") else "fields"].append([found[3], found[4]])
            elif found := self.FRAME.match(line):
                data = None
                if found[2] in ("HEADERS", "DATA"):
                    stream = streams[found[1], found[5]]
                    stream["begun"] = True
                    stream["whole"] |= bool(int(found[4], 16) & 1)
                if found[2] == "DATA":
                    data = stream
                    data["body_len"] += int(found[3])
            elif line.startswith("["):
                data = None
            elif data and (found := self.PADDING.match(line)):
                data["body_len"] -= int(found[1])
        return [stream | of_fields(stream["fields"]) for stream in streams.values()]


def of_nginx(entry):
    """Of the fields, nginx logs what lab.LOGGED names."""
    return {"src": entry["peer"], "version": entry["protocol"].removesuffix(".0"), "method": entry["method"],
            "target": entry["target"], "host": entry["host"],
            "headers": [(name, entry[key]) for name, key in AT_NGINX.items()],
            "body_len": len(entry["body"]), "body_sha256": hashlib.sha256(entry["body"]).hexdigest()}


def at_nginx(record):
    """A record with those fields only, and cookies as HTTP/1.1 has them."""
    def field(name):
        return "; ".join(value for key, value in record["headers"] if key.lower() == name)

    return record | {"headers": [(name, field(name)) for name in AT_NGINX]}


class WebServer(Server):
    """HTTP/2, and on another port HTTP/1.1 for those who ask in vain for an upgrade."""

    name = "nginx"
    ports = (HTTP1, NGINX)
    says = ("src", "version", "method", "target", "host", "headers", "body_len", "body_sha256")

    def __init__(self, host):
        self.nginx = Nginx(host, HTTP1, f"[::]:{HTTP1}", f"{NGINX} http2")
        self.process = self.nginx.process

    def entries(self):
        return [of_nginx(entry) | {"whole": True} for entry in self.nginx.logged()]

    def of_record(self, record):
        return at_nginx(record)


class Grpc(Server):
    """It sees the metadata and the messages; the authority and what is gRPC's own it doesn't show."""

    name = "gRPC"
    ports = (GRPC,)
    says = ("src", "method", "target", "headers", "trailers", "body_len", "body_sha256")
    OWN = re.compile("te|content-type|grpc-.*")

    def __init__(self, host):
        self.log = host.lab.folder / "grpc.jsonl"
        self.process = host.start(sys.executable, HERE / "http2_grpc.py", "server", GRPC, self.log)

    def entries(self):
        for line in self.log.read_text().splitlines():
            entry = json.loads(line)
            yield {"src": entry["peer"].partition(":")[2], "method": "POST", "target": entry["path"],
                   "headers": entry["metadata"], "trailers": [], "body_len": entry["length"],
                   "body_sha256": entry["sha256"], "whole": entry["whole"]}

    @staticmethod
    def metadata(name, value):
        """Binary values are in base64; or as they are behind a NUL, between peers who know each other."""
        if not name.endswith("-bin"):
            return [name, value]
        data = value.encode("latin-1")
        return [name, (data[1:] if data[:1] == b"\0" else base64.b64decode(data + b"==")).hex()]

    def of_record(self, record):
        return record | {"headers": [self.metadata(*field) for field in record["headers"]
                                     if not self.OWN.fullmatch(field[0])]}


class Servers:
    """All of them on one host."""

    def __init__(self, host):
        if missing := [name for name in PROGRAMS if not shutil.which(name, path=tool_path())]:
            raise RuntimeError(f"not installed: {', '.join(missing)}; see scripts/deps")
        node = Node(host)
        self.all = [WebServer(host), node, Upgrading(host, node), Nghttpd(host), Grpc(host)]
        self.host = host
        wait_until(self.listen, 20, "the HTTP/2 servers")

    def listen(self):
        for server in self.all:
            if server.process.poll() is not None:
                raise RuntimeError(f"{server.name} ended with status {server.process.returncode}")
        listed = self.host.run("ss", "-Hltn", stdout=subprocess.PIPE).stdout.decode()
        return all(f":{port} " in listed for server in self.all for port in server.ports)

    def stop(self):
        """So that nothing is still to be logged."""
        for server in self.all:
            server.process.send_signal(signal.SIGTERM)
        for server in self.all:
            server.process.wait(10)
