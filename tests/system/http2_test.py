#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Live HTTP/2 clients and servers behind the kernel's VXLAN mirror. What the servers themselves have logged has to be
what is rebuilt: from a capture of one direction, from one of both, and while it happens; then a second server gets it
as HTTP/1.1.

    http2_test.py PATH_OF_REBUILDER
"""

import collections
import json
import sys
import time

import http2_traffic  # first: through unique, it says where capture, replay and transform are
import lab as laboratory
from capture import ACK, SYN, read_pcap
from http2_servers import HTTP1, UPGRADING, Servers, at_nginx, of_nginx, text
from lab import MirrorLab, Nginx, Rebuilder, Recording, wait_until
from program import SKIP, Books
from replay import replay
from report import Report, difference
from transform import parts, tcp_of

AT_SINK = ("method", "target", "host", "headers", "body_len", "body_sha256")


def port_of(end):
    return int(end.rpartition(":")[2])


def connections(capture):
    """How many were opened, by the server's port."""
    segments = filter(None, (tcp_of(parts(data).frame) for _, data in read_pcap(capture)[0]))
    return collections.Counter(int.from_bytes(target[-2:], "big") for _, target, flags in segments
                               if flags & (SYN | ACK) == SYN)


def is_sent(record):
    """Of the tunnels, to an HTTP/1.1 output only WebSockets are."""
    return record["method"] != "CONNECT" or "protocol" in record


def as_http1(record):
    return text(AT_SINK, at_nginx(record) | {"method": "GET"} if "protocol" in record else at_nginx(record))


class Run:
    """One run of the clients, and what its servers have logged."""

    def __init__(self, report, lab, both):
        self.report, self.what = report, "both ways" if both else "one way"
        self.servers, self.recording = Servers(lab.origin), Recording(lab.appliance, "mirror")
        self.both = both

    def send(self, lab):
        begin = time.monotonic()
        self.sent = http2_traffic.send(lab.client, lab.folder, http2_traffic.FULL)
        self.capture = self.recording.stop()
        self.servers.stop()
        self.connections = connections(self.capture)
        print(f"{self.what}: {self.sent.total()} requests sent in {time.monotonic() - begin:.1f} s")
        for server in self.servers.all:
            for what, expected, found in (("requests", self.sent.requests, len(server.seen())),
                                          ("cancelled", self.sent.cancelled, server.cancelled())):
                expected = sum(expected[port] for port in server.ports)
                self.report.equal(f"{self.what}: {server.name} logged what was sent: {what}", expected, found)

    def check_records(self, how, records):
        self.report.equal(f"{self.what}, {how}: records", self.sent.total(), len(records))
        for server in self.servers.all:
            found = [server.view(record) for record in records if port_of(record["dst"]) in server.ports]
            self.report.equal(f"{self.what}, {how}: as {server.name} has it", [], difference(server.seen(), found))

    def check_counters(self, how, counters):
        total, cancelled = self.sent.total(), self.sent.cancelled.total()
        http2 = sum(count for port, count in self.connections.items() if port != HTTP1)
        upgrades = self.connections[UPGRADING]  # there the server's side begins with HTTP/1.1
        expected = {
            "requests_started": total + cancelled, "requests_rebuilt": total, "requests_lost_cancelled": cancelled,
            "streams_http2": http2, "streams_http2_responses": http2 - upgrades if self.both else 0,
            "http2_upgrades": upgrades, "http2_tunnels": self.sent.tunnels,
        }
        zero = ("requests_lost_", "http2_lost_", "http2_stray_", "http2_length_", "streams_http2_midstream")
        found = {name: counters.get(name) for name in expected} | {
            name: count for name, count in counters.items() if count and name.startswith(zero)}
        self.report.equal(f"{self.what}, {how}: counters", expected, found)

    def replay(self, binary, folder):
        replayed = replay(binary, [self.capture], folder / "replay.json")
        self.report.equal(f"{self.what}, replayed: status, laws", (0, []), (replayed.status, replayed.problems))
        self.check_records("replayed", replayed.records)
        self.check_counters("replayed", replayed.counters)

    def live(self, rebuilder, folder, sink):
        """The same of a rebuilder that ran at the time, and what it sent to the sink."""
        records = [json.loads(line) for line in (folder / "live.jsonl").read_text().splitlines()]
        books = Books((folder / "live.json").read_text())
        self.report.equal(f"{self.what}, live: laws that are broken", [], books.broken())
        self.check_records("live", records)
        self.check_counters("live", books.worker)
        sent = [record for record in records if record["target"] != "*" and is_sent(record)]
        found = [entry for entry in sink if entry["method"]]
        self.report.equal(f"{self.what}, live: as the second server has it", [],
                          difference(map(as_http1, sent), (text(AT_SINK, of_nginx(entry)) for entry in found)))
        versions = {entry["protocol"] for entry in found}
        self.report.equal(f"{self.what}, live: all of it as HTTP/1.1", {"HTTP/1.1"}, versions)
        # nginx knows no "*".
        refused = [entry["line"] for entry in sink if not entry["method"]]
        self.report.equal(f"{self.what}, live: what the second server refused", ["OPTIONS * HTTP/1.1"], refused)
        answers = {"answered_2xx": self.sent.total() - 2, "answered_4xx": 1}  # and one tunnel isn't sent
        self.report.equal(f"{self.what}, live: answers", answers, books.outcomes(0))
        if self.report.failed:
            print(f"--- the rebuilder said:\n{rebuilder.said()}")


def main(binary):
    if reason := laboratory.unavailable():
        print(f"skipped: {reason}")
        return SKIP
    report = Report()
    with MirrorLab() as lab:
        sink = Nginx(lab.waf)
        rebuilder = Rebuilder(lab.appliance, binary, "run", "--input", "af_packet:mirror",
                              "--output", f"http://{laboratory.WAF}:80", "--output", f"jsonl:{lab.folder}/live.jsonl",
                              "--ledger", lab.folder / "live.json", "--health-listen", "none",
                              "--admin-listen", "none")
        run = Run(report, lab, both=False)
        run.send(lab)
        try:
            wait_until(lambda: sink.count() >= run.sent.total() - 1, 5, "all requests at the second server")
        except TimeoutError as missing:
            print(missing)
        report.equal("the rebuilder ends with status 0 at SIGTERM", 0, rebuilder.stop())
        run.live(rebuilder, lab.folder, sink.requests())
        run.replay(binary, lab.folder)
    with MirrorLab(both=True) as lab:
        run = Run(report, lab, both=True)
        run.send(lab)
        run.replay(binary, lab.folder)
    return report.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
