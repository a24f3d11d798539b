#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever clients do to be read in two ways, a real haproxy in front of a real nginx reads what was rebuilt.

    smuggling_test.py REBUILDER HOSTILE_PCAP
        REBUILDER_ROUNDS=n  more of it, or less
        REBUILDER_SEED=n    the one round with this seed

Clients as in tests/support/hostile_requests.h, in a capture. Held against each other, request by request: the records
of the rebuilder (what clients sent, as it was understood), what haproxy logged, and what nginx logged behind it. They
may refuse a request; they never see another one, none twice, none missing, and no body but its own.
"""

import base64
import collections
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

from alb import Alb
from lab import Lab, tool_path, wait_until
from program import SKIP, Program, knows
from report import Report

TOOLS = ("haproxy", "nginx", "openssl", "setpriv")
CONNECTIONS = 100  # of clients, a round
BAD = b"<BADREQ>"  # what haproxy writes in place of a request that it can't read
WAYS = {"one at a time": ("--pipeline", "1"), "pipelined": ("--pipeline", "16"), "HTTP/2": ("--http2",)}


@dataclass
class Expected:
    line: bytes
    body: bytes
    client: str


def encoded(text):
    return re.sub(rb"[\x00-\x20\x7f]", lambda byte: b"%%%02X" % byte[0][0], text)


def wire_target(method, target):
    """What a record's target is sent as; None, when it can't be sent."""
    if target.startswith(b"/") or target == b"*":
        return encoded(target)
    absolute = re.fullmatch(rb"https?://([^/?#]*)(.*)", target, re.IGNORECASE | re.DOTALL)
    authority = absolute[1].rpartition(b"@")[2] if absolute else b""
    if not authority or encoded(authority) != authority:
        return None
    path = absolute[2]
    if not path and method == b"OPTIONS":
        return b"*"
    return encoded(path if path.startswith(b"/") else b"/" + path)


def expected_of(path, http2):
    """What has to be sent for these records, in their order. HTTP/2 has no form for a # in a path, nor for a * unless it
    is asked for its OPTIONS."""
    requests = []
    for text in path.read_bytes().split(b"\n"):
        record = json.loads(text) if text else None
        if not record or record["method"] == "CONNECT":
            continue
        method, target = record["method"].encode("latin-1"), record["target"].encode("latin-1")
        sent_as = wire_target(method, target)
        if sent_as is not None and http2:
            sent_as = sent_as.replace(b"#", b"%23") if sent_as != b"*" or method == b"OPTIONS" else None
        if sent_as is not None:
            body = base64.b64decode(record.get("body_b64") or "")
            requests.append(Expected(b"%s %s" % (method, sent_as), body, record["client"]))
    return requests


def line_of(request):
    """Method and target of a request line."""
    return request.rpartition(b" HTTP/")[0]


class Smuggling:
    def __init__(self, binary, hostile_pcap, lab):
        self.binary, self.hostile_pcap, self.lab = os.path.abspath(binary), hostile_pcap, lab
        self.alb = Alb(lab, nodes=1)
        self.alb.start()
        self.counts = collections.Counter()

    def replay(self, seed, frontend, *options):
        """What has to arrive, and the run; then what haproxy and nginx logged."""
        capture, records = self.lab.folder / "hostile.pcap", self.lab.folder / "records.jsonl"
        subprocess.run([self.hostile_pcap, str(seed), str(CONNECTIONS), capture], check=True, env={})
        alb, node = self.alb, self.alb.nodes[0]
        before, node_before = alb.count(), node.count()
        ended = Program(self.lab.folder, self.binary, "replay", capture, "--output", f"jsonl:{records}", "--bodies",
                        "--output", alb.url(frontend), "--connections", "1", *options).finish(60)
        expected = expected_of(records, "--http2" in options)
        try:
            wait_until(lambda: len(alb.lines(before)) >= len(expected), 3, "haproxy's log")
            passed = sum(line.request != BAD for line in alb.lines(before))
            wait_until(lambda: node.count() - node_before >= passed, 3, "nginx's log")
        except TimeoutError:
            pass  # what is missing will be named
        return expected, ended, alb.lines(before), node.logged(node_before)

    def wrong(self, seed, name):
        """What is wrong, in a few lines; nothing, if all is well."""
        ordered = name != "HTTP/2"
        expected, ended, lines, seen = self.replay(seed, "plain" if ordered else "plain-h2", *WAYS[name])
        wrong = [f"law broken: {law}" for law in ended.books.broken()]
        if ended.status != 0:
            wrong.append(f"status {ended.status}: {ended.said().strip()}")
        outcomes, output = ended.books.outcomes(1), ended.books.output(1)
        answered = collections.Counter(f"answered_{line.status // 100}xx" for line in lines if line.status > 0)
        # haproxy answers 400 to what it can't read; over HTTP/2 it resets the stream, and that is tried twice.
        resets = 0 if ordered else sum(line.request == BAD for line in lines)
        broken, unsayable = outcomes.pop("failed_reset", 0), outcomes.pop("failed_unsayable", 0)
        if outcomes != answered or broken > resets:
            wrong.append(f"the ledger has {outcomes} and {broken} failed_reset, "
                         f"haproxy {dict(answered)}, {resets} reset")
        handed_off = output.get("handed_off", 0) - unsayable
        if not handed_off == len(expected) == answered.total() + broken:
            wrong.append(f"{handed_off} handed off, {len(expected)} expected, haproxy has {len(lines)}")
        at_nginx = [(entry["line"].encode("latin-1"), entry["status"], entry["body"],
                     entry["forwarded_for"].rpartition(",")[2].strip()) for entry in seen]
        if ordered:
            wrong += self.in_order(expected, lines, at_nginx)
        else:
            wrong += self.in_any_order(expected, at_nginx, output.get("retries", 0))
        self.counts += collections.Counter(requests=len(lines), refused=sum(line.request == BAD for line in lines),
                                           at_nginx=len(seen))
        return wrong

    @staticmethod
    def in_order(expected, lines, at_nginx):
        """On one connection, the k-th request is haproxy's k-th, and if that passes it the next of nginx."""
        waiting = iter(at_nginx)
        for number, (request, line) in enumerate(zip(expected, lines)):
            if line.request == BAD:
                continue
            if line_of(line.request) != request.line:
                return [f"request {number} is {request.line!r}, haproxy saw {line.request!r}"]
            seen = next(waiting, None)
            if seen is None:
                return [f"request {number}, {request.line!r}, is missing at nginx"]
            if problem := differs(request, *seen):
                return [f"request {number}, {request.line!r}, at nginx: {problem}"]
        return [f"nginx saw more: {more}" for more in list(waiting)[:1]]

    @staticmethod
    def in_any_order(expected, at_nginx, retries):
        """nginx has no request that wasn't rebuilt, and none more often than retries tell."""
        by_line, times = collections.defaultdict(list), collections.Counter()
        for number, request in enumerate(expected):
            by_line[request.line].append(number)
        for seen in sorted(at_nginx, key=lambda seen: seen[1] != "200"):  # those refused tell less of themselves
            fitting = [number for number in by_line[line_of(seen[0])] if not differs(expected[number], *seen)]
            if not fitting:
                return [f"nginx saw {seen}, which was not rebuilt"]
            times[min(fitting, key=lambda number: times[number])] += 1
        again = {number: count for number, count in times.items() if count > 1}
        if sum(again.values()) - len(again) <= retries:
            return []
        return [f"{retries} retries, and yet again at nginx: {[(expected[number], again[number]) for number in again]}"]


def differs(request, line, status, body, client):
    """How what nginx saw isn't the request; nothing, if it is. Of one that it refuses it doesn't read the body."""
    if line_of(line) != request.line:
        return f"it is {line!r}"
    if status == "200" and body != request.body:
        return f"its body is {body[:300]!r}, not {request.body[:300]!r}"
    if status == "200" and client != request.client:
        return f"its client is {client!r}, not {request.client!r}"
    return ""


def main(binary, hostile_pcap):
    if missing := [tool for tool in TOOLS if not shutil.which(tool, path=tool_path())]:
        print(f"skipped: not installed: {', '.join(missing)}")
        return SKIP
    given = os.environ.get("REBUILDER_SEED")
    seeds = [int(given, 0)] if given else range(1, 1 + int(os.environ.get("REBUILDER_ROUNDS", "8")))
    report = Report()
    with Lab(seconds=110 if len(seeds) < 20 else 36_000) as lab:
        test = Smuggling(binary, hostile_pcap, lab)
        for name, options in WAYS.items():
            if "--http2" in options and not knows(binary, "--http2"):
                print(f"skipped {name}: this build has no --http2")
                continue
            test.counts.clear()
            for seed in seeds:
                if wrong := test.wrong(seed, name):
                    said = "\n        ".join(each[:2000] for each in wrong)
                    report.check(f"{name}: REBUILDER_SEED={seed}", False, said)
                    break
            else:
                found = test.counts
                report.check(f"{name}: {found['requests']} requests, {found['refused']} refused by haproxy, "
                             f"{found['at_nginx']} at nginx", found["at_nginx"] > 100 * len(seeds), found)
        return report.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
