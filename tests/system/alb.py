# SPDX-License-Identifier: Apache-2.0
"""A real haproxy as the ALB in front of real nginx: plain, over TLS, over HTTP/2; and the certificates for it.

    with Lab() as lab:
        alb = Alb(lab, nodes=2)
        alb.start()
        ... alb.url("plain") ...
        alb.lines()         # what haproxy says of each request
"""

import re
import signal
import socket
import subprocess
import time
from dataclasses import dataclass

from lab import Here, Nginx, environment, wait_until

ADDRESS = "127.0.0.1"
# What haproxy writes down of each request. The request line comes last; in it "#" and two digits are a byte.
LOG = "%ft %ST %tsc %ci:%cp %sslv %[ssl_fc_is_resumed] %[fc_http_major] %r"
LINE = re.compile(r"(?P<frontend>\S+) (?P<status>-?\d+) (?P<ending>\S+) (?P<peer>\S+) (?P<tls>\S+) (?P<resumed>\S+) "
                  r"(?P<http>\S+) (?P<request>.*)")
# Each a bind line behind its address, and more lines of the frontend. "{folder}" has the certificates.
FRONTENDS = {
    "plain": ("", ""),
    "plain-h2": (" proto h2", ""),
    "tls": (" ssl crt {folder}/good.pem alpn h2,http/1.1", ""),
    "tls-h1": (" ssl crt {folder}/good.pem alpn http/1.1", ""),  # newer versions offer h2 unasked
    "tls-expired": (" ssl crt {folder}/expired.pem alpn h2,http/1.1", ""),
    "tls-other-name": (" ssl crt {folder}/other-name.pem alpn h2,http/1.1", ""),
    "tls-closing": (" ssl crt {folder}/good.pem", "option httpclose"),
    "few": (" maxconn 2", ""),
    "queue": ("", "use_backend busy"),
}


def free_port():
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return probe.getsockname()[1]


@dataclass
class Line:
    frontend: str
    status: int
    ending: str  # haproxy's termination state
    peer: str
    tls: str
    resumed: bool
    http: str
    request: bytes

    @classmethod
    def of(cls, text):
        found = LINE.fullmatch(text)
        request = re.sub(rb"#([0-9A-F]{2})", lambda byte: bytes([int(byte[1], 16)]), found["request"].encode("latin-1"))
        return cls(found["frontend"].rstrip("~"), int(found["status"]), found["ending"], found["peer"], found["tls"],
                   found["resumed"] == "1", found["http"], request)


class Certificates:
    """A CA of its own and what it has signed: for HAProxy, key and certificate in one file."""

    def __init__(self, folder):
        self.folder = folder
        for ca in ("ca", "other-ca"):
            self.openssl("req", "-x509", *self.new_key(ca), "-subj", f"/CN={ca} of a test", "-days", "2",
                         "-out", folder / f"{ca}.pem")
        # `openssl ca` is the one that signs for a time that is over.
        (folder / "ca.cnf").write_text(f"""
[ca]
default_ca = own
[own]
database = {folder}/index
rand_serial = yes
new_certs_dir = {folder}
default_md = sha256
unique_subject = no
policy = any
[any]
commonName = supplied
""")
        (folder / "index").touch()
        self.sign("good", f"IP:{ADDRESS},DNS:alb.test", -1, 2)
        self.sign("expired", f"IP:{ADDRESS},DNS:alb.test", -3, -1)
        self.sign("other-name", "IP:192.0.2.1,DNS:other.test", -1, 2)

    def new_key(self, name):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", self.folder / f"{name}.key")

    def sign(self, name, names, since_days, until_days):
        request, extension = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extension.write_text(f"subjectAltName={names}\n")
        self.openssl("req", *self.new_key(name), "-subj", "/CN=a test's", "-out", request)
        since, until = (time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + 86400 * days))
                        for days in (since_days, until_days))
        self.openssl("ca", "-batch", "-notext", "-config", self.folder / "ca.cnf", "-cert", self.folder / "ca.pem",
                     "-keyfile", self.folder / "ca.key", "-startdate", since, "-enddate", until,
                     "-extfile", extension, "-in", request, "-out", self.folder / f"{name}.crt")
        (self.folder / f"{name}.pem").write_text(
            (self.folder / f"{name}.crt").read_text() + (self.folder / f"{name}.key").read_text())

    @staticmethod
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, env=environment())


class Alb:
    def __init__(self, lab, nodes=2):
        self.lab, self.folder = lab, lab.folder / "alb"
        self.folder.mkdir()
        Certificates(self.folder)
        self.ports = {name: free_port() for name in FRONTENDS}
        self.node_ports = [free_port() for _ in range(nodes)]
        self.nodes = [self.node(number) for number in range(nodes)]
        self.log = self.folder / "haproxy.log"
        self.configure()

    def node(self, number):
        return Nginx(Here(self.lab, f"node-{number}"), f"{ADDRESS}:{self.node_ports[number]}")

    def configure(self):
        frontends = "".join(f"""
frontend {name}
    bind {ADDRESS}:{self.ports[name]}{bind.format(folder=self.folder)}
    {more}
    default_backend nodes
""" for name, (bind, more) in FRONTENDS.items())
        backends = ""
        for name, more in (("nodes", ""), ("busy", " maxconn 1")):
            servers = "\n".join(f"    server node-{number} {ADDRESS}:{port}{more}"
                                for number, port in enumerate(self.node_ports))
            backends += f"\nbackend {name}\n    balance roundrobin\n{servers}\n"
        (self.folder / "haproxy.cfg").write_text(f"""
global
    nbthread 1  # where two want to log at a time, one does not
    log stdout len 65535 format raw local0
    tune.bufsize 131072
    tune.http.logurilen 65535
    tune.http.maxhdr 1000
    stats socket {self.folder}/stats.sock level admin
    hard-stop-after 5s
defaults
    mode http
    log global
    option dontlognull
    option http-keep-alive
    retries 0
    timeout connect 2s
    timeout client 20s
    timeout server 20s
    timeout http-keep-alive 20s
    log-format "{LOG}"
{frontends}{backends}""")

    def start(self):
        """Also beside an old one, which keeps its connections: together, a reload."""
        with self.log.open("ab") as log:
            process = Here(self.lab, "alb").start("haproxy", "-db", "-f", self.folder / "haproxy.cfg", stdout=log,
                                                  stderr=subprocess.STDOUT)
        self.process = process
        wait_until(self.accepts, 10, "haproxy")
        return process

    def accepts(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"haproxy ended: {self.log.read_text(errors='replace')}")
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.folder / "stats.sock")) == 0

    def reload(self):
        """A new one takes over the addresses; the old one ends behind its connections' last answers."""
        old = self.process
        (self.folder / "stats.sock").unlink()  # so that start() waits for the new one's
        self.start()
        old.send_signal(signal.SIGUSR1)

    def stop(self):
        """At once."""
        self.process.terminate()
        self.process.wait(10)

    def url(self, frontend):
        scheme = "https" if frontend.startswith("tls") else "http"
        return f"{scheme}://{ADDRESS}:{self.ports[frontend]}"

    def count(self):
        return self.log.read_bytes().count(b"\n")

    def lines(self, since=0):
        """What was logged of requests, but for the first lines of the log."""
        lines = self.log.read_bytes().decode("latin-1").split("\n")[since:]
        return [Line.of(line) for line in lines if LINE.fullmatch(line)]
