#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real haproxy as the ALB, two real nginx as the nodes behind it: each request reaches one of them, once, as the
client sent it; over HTTP/1.1, TLS and HTTP/2. And what an ALB does to its clients: it reloads, it restarts, a node of
it is dead, it takes few connections, its certificate is no good.

    alb_test.py REBUILDER
"""

import collections
import hashlib
import os
import shutil
import sys
import time

import unique  # first: it says where synthetic and capture are
import synthetic
from alb import Alb
from capture import Connection, timed, write_pcap
from lab import Lab, end, tool_path, wait_until
from program import SKIP, Program, knows
from report import Report, difference

TOOLS = ("haproxy", "nginx", "openssl", "setpriv")
PIPELINED = ("--pipeline", "16", "--connections", "2")
EARLY = 1000  # requests of MANY are answered when something happens
MANY = 6000
MIDDLE = ("--buffers", "12M")  # replay reads no further while a quarter of it waits, so that a run has a middle


def special_requests():
    """(method, target, fields in their order, body, whether it is chunked)"""
    host, large = ["Host", "shop.example.com"], unique.PATTERN[:300_000]
    return [
        ("HEAD", "/special/head", [host], b"", False),
        ("OPTIONS", "/special/options", [host, ["Origin", "http://other.example"]], b"", False),
        ("DELETE", "/special/delete?a=1&b=%2F;c", [["Accept", "*/*"], host], b"", False),
        ("PATCH", "/special/patch", [["User-Agent", "odd/1"], ["Content-Type", "text/plain"], host], b"x", False),
        ("POST", "/special/large", [host], large, False),
        ("PUT", "/special/large-chunked", [["X-Empty", ""], host], large[::-1], True),
        ("GET", "/special/cookies", [["Cookie", "a=1"], host, ["X-A", "1"], ["Cookie", "b=2; c=3"], ["X-A", "2"]],
         b"", False),
        ("POST", "/special/empty", [host, ["Content-Type", "text/plain"]], b"", False),
        ("M-SEARCH", "/special/other-method", [host], b"", False),
        ("GET", "/special/%C3%A9/../%20?q=<'>|{}~", [host], b"", False),
    ]


def capture(path):
    """Writes a capture, gives the records of what is in it."""
    traffic = synthetic.traffic(seed=11, requests=400, connections=40)
    records, connection = traffic.records(), Connection(("203.0.113.77", 40_000))
    frames = connection.open()
    for method, target, fields, body, chunked in special_requests():
        wire = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body
        framing = [["Transfer-Encoding", "chunked"]] if chunked else [["Content-Length", str(len(body))]] * bool(body)
        head = f"{method} {target} HTTP/1.1\r\n".encode() + synthetic.section(fields + framing)
        frames += connection.send(head + wire)
        records.append({"method": method, "target": target, "host": "shop.example.com", "headers": fields,
                        "body_sha256": hashlib.sha256(body).hexdigest(), "client": "203.0.113.77"})
    write_pcap(path, traffic.frames + timed(frames + connection.close(), start=traffic.frames[-1][0] + 10**9))
    return records


def of_record(record):
    def field(name):
        return "; ".join(value for key, value in record["headers"] if key == name)

    return (record["method"], record["target"], record["host"], record["body_sha256"], record["client"],
            field("Cookie"), field("User-Agent"), "10.0.1.20", "80")


def of_nginx(entry):
    return (entry["method"], entry["target"], entry["host"], hashlib.sha256(entry["body"]).hexdigest(),
            entry["forwarded_for"], entry["cookie"], entry["user_agent"], entry["server_addr"], entry["server_port"])


class Run:
    """One replay to the ALB, and what was logged of it."""

    def __init__(self, test, capture, frontend, *options, in_the_middle=None):
        alb = test.alb
        nodes_before, before = [node.count() for node in alb.nodes], alb.count()
        program = Program(test.lab.folder, test.binary, "replay", capture, "--output", alb.url(frontend), *options)
        if in_the_middle:
            wait_until(lambda: sum(node.count() for node in alb.nodes) - sum(nodes_before) > EARLY, 20, "the middle")
            in_the_middle()
        self.ended = program.finish(30)
        self.books = self.ended.books
        self.outcomes = self.books.outcomes()
        by_nodes = self.outcomes.get("answered_2xx", 0)
        answered = sum(count for name, count in self.outcomes.items() if name.startswith("answered"))

        def all_logged():
            return sum(node.count() for node in alb.nodes) - sum(nodes_before) >= by_nodes and len(
                alb.lines(before)) >= answered

        try:
            wait_until(all_logged, 3, "what was answered is logged")
        except TimeoutError:
            pass  # what is missing will be named
        self.seen = [entry for node, since in zip(alb.nodes, nodes_before) for entry in node.logged(since)]
        self.lines = alb.lines(before)

    def faults(self, status=0):
        faults = [f"law broken: {law}" for law in self.books.broken()]
        if self.ended.status != status:
            faults.append(f"exit status {self.ended.status}, not {status}: {self.ended.said().strip()}")
        return faults

    def sent_again(self):
        """What the nodes got more than once, though no retry was counted for it."""
        times = collections.Counter(entry["target"] for entry in self.seen)
        twice, retries = sum(count - 1 for count in times.values()), self.books.output().get("retries", 0)
        return [f"{twice} requests again at the nodes, {retries} retries"] if twice > retries else []


class AlbTest:
    def __init__(self, binary, lab):
        self.binary, self.lab, self.report = os.path.abspath(binary), lab, Report()
        self.alb = Alb(lab)
        self.alb.start()
        self.mixed = lab.folder / "mixed.pcap"
        self.records = capture(self.mixed)
        self.many = unique.made(MANY)
        self.long = unique.write(lab.folder / "long.pcap", self.many)
        self.secure = ("--tls-ca", self.alb.folder / "ca.pem")

    def check(self, name, faults, run):
        if faults:
            others = [line for line in run.lines if line.status != 200 or line.ending != "----"]
            faults += [f"outcomes {run.outcomes}, retries {run.books.output().get('retries')}",
                       f"haproxy logged {others[:3]}" if others else "haproxy logged nothing odd"]
        self.report.check(f"{name} ({run.ended.seconds:.1f} s)", not faults, "; ".join(faults))

    def lacks(self, name, options):
        """Whether this build can't do it; then it says so."""
        missing = [option for option in map(str, options) if option.startswith("--") and not knows(self.binary, option)]
        if missing:
            print(f"skipped {name}: this build has no {', '.join(missing)}", flush=True)
        return missing

    def once_each(self, name, frontend, options, version):
        if self.lacks(name, options):
            return
        run = Run(self, self.mixed, frontend, *options)
        faults = run.faults() + difference(map(of_record, self.records), map(of_nginx, run.seen))
        if run.outcomes != {"answered_2xx": len(self.records)}:
            faults.append("not all are answered with 2xx")
        if len(run.lines) != len(self.records) or {line.http for line in run.lines} != {version}:
            faults.append(f"haproxy logged {len(run.lines)} requests over HTTP/{ {line.http for line in run.lines} }")
        self.check(name, faults, run)

    def reloads(self, name, frontend, options):
        """The old haproxy answers what it has, says or shows that it closes, and the new one takes over: nothing is
        lost, nothing is seen twice."""
        if self.lacks(name, options):
            return
        run = Run(self, self.long, frontend, *MIDDLE, *options, in_the_middle=self.alb.reload)
        expected = [(made.method, made.target) for made in self.many]
        faults = run.faults() + difference(expected, [(entry["method"], entry["target"]) for entry in run.seen])
        if run.outcomes != {"answered_2xx": len(self.many)}:
            faults.append("not all are answered with 2xx")
        self.check(name, faults, run)

    def restarts(self, name, frontend, options):
        """It is gone for half a second: what it had not answered is sent again, or lost if that meets another of its
        connections as it breaks, and counted. HTTP/2 has many requests on each, and yet loses no more."""
        if self.lacks(name, options):
            return

        def restart():
            self.alb.stop()
            time.sleep(0.5)
            self.alb.start()

        run = Run(self, self.long, frontend, *MIDDLE, *options, in_the_middle=restart)
        faults = run.faults() + run.sent_again()
        outcomes = dict(run.outcomes)
        answered, broken = outcomes.pop("answered_2xx", 0), outcomes.pop("failed_reset", 0)
        if answered + broken != len(self.many) or broken > 16 or outcomes:
            faults.append("not all are answered, but for those that met it as it went")
        self.check(name, faults, run)

    def dead_node(self):
        """Every second request gets haproxy's 503, and isn't sent again."""
        run = self.without_node(lambda: Run(self, self.mixed, "plain"))
        faults, half = run.faults() + run.sent_again(), len(self.records) // 2
        if run.outcomes != {"answered_2xx": half, "answered_5xx": half} or run.books.output().get("retries") != 0:
            faults.append(f"not {half} each")
        statuses = collections.Counter(line.status for line in run.lines)
        if statuses != {200: half, 503: half}:
            faults.append(f"haproxy logged {statuses}")
        self.check("a dead node: 503 counts, and is not asked again", faults, run)

    def without_node(self, act):
        node = self.alb.nodes[1]
        end(node.process)
        done = act()
        shutil.move(node.folder, f"{node.folder}-{time.monotonic_ns()}")
        self.alb.nodes[1] = self.alb.node(1)
        return done

    def few_connections(self):
        """The ALB accepts 2 of 8 connections: a request on one of the others waits in vain. It is not sent again."""
        run = Run(self, self.mixed, "few", "--timeout", "1s")
        faults, outcomes = run.faults() + run.sent_again(), dict(run.outcomes)
        answered, waited = outcomes.pop("answered_2xx", 0), outcomes.pop("failed_timeout", 0)
        if answered + waited != len(self.records) or waited > 6 or outcomes:
            faults.append("not all are answered, but for one on each connection that waited")
        self.check("maxconn 2 of the ALB", faults, run)

    def busy_nodes(self):
        """Each node gets one request at a time, the others wait in the ALB: nobody loses."""
        run = Run(self, self.mixed, "queue")
        faults = run.faults() + difference(map(of_record, self.records), map(of_nginx, run.seen))
        if run.outcomes != {"answered_2xx": len(self.records)}:
            faults.append("not all are answered with 2xx")
        self.check("maxconn 1 of each node", faults, run)

    def bad_certificate(self, what, frontend, ca, words):
        """Named, counted, and nothing is sent; but with --tls-insecure it is."""
        name = f"TLS: {what}"
        if self.lacks(name, ("--tls-ca", "--tls-insecure")):
            return
        run = Run(self, self.mixed, frontend, "--tls-ca", self.alb.folder / ca, "--timeout", "1s")
        faults = run.faults(status=1)
        if run.outcomes != {"failed_connect": len(self.records)} or run.seen:
            faults.append(f"{len(run.seen)} requests at the nodes")
        said = run.ended.said()
        if not all(word in said for word in (self.alb.url(frontend), words)):
            faults.append(f"'{words}' isn't said: {said.strip()}")
        self.check(f"{name}: refused and named", faults, run)
        run = Run(self, self.mixed, frontend, "--tls-insecure")
        faults = run.faults() + difference(map(of_record, self.records), map(of_nginx, run.seen))
        self.check(f"{name}: taken with --tls-insecure", faults, run)

    def resumes(self):
        """Where each answer ends its connection, the next one resumes the session: no certificates are exchanged."""
        if self.lacks("TLS: sessions are resumed", self.secure):
            return
        run = Run(self, self.mixed, "tls-closing", *self.secure)
        faults = run.faults() + difference(map(of_record, self.records), map(of_nginx, run.seen))
        resumed = sum(line.resumed for line in run.lines)
        if resumed < len(self.records) * 0.5:
            faults.append(f"{resumed} of {len(run.lines)} connections resumed a session")
        self.check(f"TLS: sessions are resumed, {resumed} of {len(run.lines)}", faults, run)


def main(binary):
    if missing := [tool for tool in TOOLS if not shutil.which(tool, path=tool_path())]:
        print(f"skipped: not installed: {', '.join(missing)}")
        return SKIP
    with Lab() as lab:
        test = AlbTest(binary, lab)
        secure, http2 = test.secure, ("--http2",)
        for name, frontend, options, version in (
                ("HTTP/1.1", "plain", (), "1"),
                ("HTTP/1.1, pipelined", "plain", PIPELINED, "1"),
                ("HTTP/2, prior knowledge", "plain-h2", http2, "2"),
                ("TLS, HTTP/1.1", "tls", secure, "1"),
                ("TLS, HTTP/1.1, pipelined", "tls", secure + PIPELINED, "1"),
                ("TLS, HTTP/2", "tls", secure + http2, "2"),
                ("TLS, HTTP/2 wanted, the ALB has none", "tls-h1", secure + http2, "1")):
            test.once_each(name, frontend, options, version)
        for name, frontend, options in (("HTTP/1.1", "plain", ()), ("HTTP/1.1, pipelined", "plain", PIPELINED),
                                        ("HTTP/2", "plain-h2", http2), ("TLS, HTTP/2", "tls", secure + http2)):
            test.reloads(f"reload in the middle: {name}", frontend, options)
            test.restarts(f"restart in the middle: {name}", frontend, options)
        test.dead_node()
        test.few_connections()
        test.busy_nodes()
        for what, frontend, ca, words in (("another CA", "tls", "other-ca.pem", "certificate"),
                                          ("another name", "tls-other-name", "ca.pem", "mismatch"),
                                          ("expired", "tls-expired", "ca.pem", "expired")):
            test.bad_certificate(what, frontend, ca, words)
        test.resumes()
        return test.report.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
