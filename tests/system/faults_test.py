#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An output that fails, in each way that we know of (fault_server.py): every request that was handed off has the
outcome that the failure deserves, every law of the ledger holds, none is sent twice but as a retry that is counted,
memory stays where it is with an output in good health and full buffers, and who comes back is used within 2 seconds.

    faults_test.py REBUILDER
"""

import collections
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import unique
from fault_server import FaultServer
from name_server import NXDOMAIN, SERVFAIL, NameServer
from program import Program
from report import Report

BUFFERS = ("--buffers", "12M")  # replay reads no further while a quarter of it waits: so a run has a middle
MARGIN_KIB = 16 * 1024          # of memory, above that of a run in good health: the buffers, and a few large sockets'
LARGE = 200_000        # bytes of a body that no socket's buffer takes at once


@dataclass
class Case:
    """`outcomes`: how many requests end so; a tuple of counters shares a number. `sent`: how often the server got each
    request whole; None: once at least if it was answered. Longer than `seconds` it must not take."""
    behaviour: str
    outcomes: dict
    sent: int | None = 1
    requests: int = 200
    body: int = 0
    options: tuple = ()
    counters: dict = field(default_factory=dict)  # others of the output
    least: dict = field(default_factory=dict)     # of those that share a number
    seconds: float = 5
    status: int | None = 0                        # None: 0, or 1 when no connection was ever made

    def name(self):
        return " ".join((self.behaviour, *self.options))


def fast(timeout="300ms"):
    return "--timeout", timeout


PIPELINED = ("--pipeline", "16", "--connections", "2")
ONE = ("--connections", "1")
ALL = {"answered_2xx": 200}
ANSWERED_OR_RESET = {("answered_2xx", "failed_reset"): 200}
FAILED = ("failed_connect", "failed_reset", "failed_timeout", "failed_response")
CASES = (
    Case("healthy", ALL, counters={"retries": 0, "connects": 8}),
    Case("healthy", ALL, options=PIPELINED, counters={"retries": 0, "connects": 2}),
    Case("healthy", {"answered_2xx": 40}, requests=40, body=LARGE, counters={"retries": 0}),

    # The connection breaks: sent again once, on another.
    # It may be over before we know that there was one.
    Case("reset-at-once", {("failed_reset", "failed_connect"): 20}, 0, 20, seconds=10, status=None),
    Case("reset-each", {"failed_reset": 20}, 2, 20, counters={"retries": 20}, seconds=10),
    Case("reset-each", {"failed_reset": 20}, 1, 20, options=("--retries", "0"), counters={"retries": 0}),
    Case("reset-each", {"failed_reset": 10}, 4, 10, options=("--retries", "3"), counters={"retries": 30}, seconds=10),
    Case("reset-in-mid-request", {"failed_reset": 10}, 0, 10, LARGE, counters={"retries": 10}, seconds=10),
    # Unlucky twice is lost, and few are.
    Case("reset-after-5", ANSWERED_OR_RESET, None, least={"answered_2xx": 160}),
    Case("reset-after-5", ANSWERED_OR_RESET, None, options=PIPELINED, least={"answered_2xx": 100}),
    Case("reset-first-20", ANSWERED_OR_RESET, None, least={"answered_2xx": 180}, seconds=10),
    Case("reset-in-mid-answer", {"failed_reset": 20}, 2, 20, counters={"retries": 20}, seconds=10),
    Case("close-each", {"failed_reset": 20}, 2, 20, counters={"retries": 20}, seconds=10),
    Case("close-after-5", ALL),
    Case("close-after-5", ALL, options=PIPELINED),
    Case("truncated-length", {"failed_reset": 20}, 2, 20, counters={"retries": 20}, seconds=10),
    Case("truncated-chunk", {"failed_reset": 20}, 2, 20, counters={"retries": 20}, seconds=10),
    Case("truncated-head", {"failed_reset": 20}, 2, 20, counters={"retries": 20}, seconds=10),

    # Nothing comes: not sent again.
    Case("black-hole", {"failed_timeout": 40}, 0, 40, options=fast(), counters={"retries": 0}),
    Case("black-hole", {"failed_timeout": 40}, 0, 40, LARGE, fast(), {"retries": 0}),
    Case("swallows-syns", {"failed_connect": 40}, 0, 40, options=fast(), status=1),
    Case("silent", {"failed_timeout": 40}, None, 40, options=fast(), counters={"retries": 0}),
    Case("silent-at-33", {"answered_2xx": 198, "failed_timeout": 2}, options=fast(), counters={"retries": 0}),
    Case("half-answer", {"failed_timeout": 40}, None, 40, options=fast(), counters={"retries": 0}),
    # It comes slowly: that is no failure, however long it takes.
    Case("slow-reader", {"answered_2xx": 1}, 1, 1, 2_500_000, fast("1s") + ("--max-body", "3M"), {"retries": 0}),
    Case("dribbled-answer", ALL, counters={"retries": 0}),
    Case("late", ALL, counters={"retries": 0}),

    # What comes is no answer: not sent again.
    *(Case(behaviour, {"failed_response": 20}, 1, 20, counters={"retries": 0}) for behaviour in (
        "garbage", "other-version", "bad-length", "bad-chunk", "switches")),
    Case("garbage-behind-5", {("answered_2xx", "failed_response"): 200}, counters={"retries": 0}),
    Case("unsolicited", ALL), Case("unsolicited-garbage", ALL),
    Case("unsolicited-garbage", ALL, options=PIPELINED),

    # Answers: counted by their class, never asked for twice.
    Case("interim", ALL, counters={"responses_1xx": 400, "retries": 0}),
    Case("3xx", {"answered_3xx": 200}, counters={"retries": 0}),
    Case("4xx", {"answered_4xx": 200}, counters={"retries": 0}),
    Case("5xx", {"answered_5xx": 200}, counters={"retries": 0}),
    Case("502-bursts", {"answered_2xx": 100, "answered_5xx": 100}, counters={"retries": 0}),
    Case("503-bursts", {"answered_2xx": 100, "answered_5xx": 100}, options=PIPELINED, counters={"retries": 0}),
    Case("too-large", {"answered_4xx": 20}, 0, 20, LARGE, counters={"retries": 0}),
    Case("too-large-finished", {"answered_4xx": 20}, None, 20, LARGE, counters={"retries": 0}),
    Case("early-answer", {"answered_2xx": 20}, 1, 20, LARGE, counters={"retries": 0}),
    Case("early-answer", ALL, options=PIPELINED, counters={"retries": 0}),
    Case("close-said", ALL, counters={"retries": 0, "connects": 200}),
    Case("close-said", ALL, options=PIPELINED, counters={"retries": 0, "connects": 200}),
    Case("close-said-but-open", ALL, counters={"retries": 0}),
    # A request that the kernel of the server had taken when it closed is answered with RST, perhaps twice.
    Case("close-unsaid", ANSWERED_OR_RESET, None, least={"answered_2xx": 180}),
    Case("close-unsaid", ANSWERED_OR_RESET, None, options=PIPELINED, least={"answered_2xx": 180}),
    Case("http-1.0", ALL, counters={"retries": 0}),
    Case("huge", {"answered_2xx": 20}, 1, 20), Case("huge-chunked", {"answered_2xx": 20}, 1, 20),
    Case("huge-until-close", {"answered_2xx": 20}, 1, 20),
)


class Faults:
    def __init__(self, binary, folder):
        self.binary, self.folder, self.report = os.path.abspath(binary), folder, Report()
        self.most_kib = {}  # of memory, of each command

    def capture(self, count, body=0):
        """A capture of so many requests, and these by their targets."""
        requests = unique.made(count, body)
        path = self.folder / f"{count}-{body}.pcap"
        if not path.exists():
            unique.write(path, requests)
        return path, {request.target: request for request in requests}

    def replay(self, capture, url, *options):
        return Program(self.folder, self.binary, "replay", capture, "--output", url, *BUFFERS, *options)

    def run(self, capture, url, *options):
        return Program(self.folder, self.binary, "run", "--input", f"pcap:{capture}", "--output", url,
                       "--health-listen", "none", "--admin-listen", "none", "--lock-memory", "never",  # to see what it uses
                       *BUFFERS, *options)

    def faults_of(self, ended, status=0):
        """What is wrong with any run."""
        faults = [f"law broken: {law}" for law in ended.books.broken()]
        if status is not None and ended.status != status:
            faults.append(f"exit status {ended.status}, not {status}")
        most_kib = self.most_kib.setdefault(ended.command, ended.peak_kib + MARGIN_KIB)  # the first is in good health
        if ended.peak_kib > most_kib:
            faults.append(f"{ended.peak_kib} KiB of memory, at most {most_kib} are expected")
        if (stated := ended.stated_mib()) and ended.peak_kib > stated << 10:
            faults.append(f"{ended.peak_kib} KiB of memory, and it said {stated} MiB")
        return faults

    @staticmethod
    def sendings(ended, requests, taken):
        """What is wrong with what the server got, and how often it got each target."""
        faults, output = [], ended.books.output()
        times = collections.Counter(each.target for each in taken)
        twice = sum(count - 1 for count in times.values())
        if twice > output.get("retries", 0):
            faults.append(f"{twice} times sent again, {output.get('retries')} of them counted")
        if strangers := [each for each in taken if each.target not in requests or (each.method, each.sha256) != (
                requests[each.target].method, requests[each.target].sha256())]:
            faults.append(f"requests that nobody sent: {strangers[:3]}")
        return faults, times

    def check(self, name, faults, ended):
        if faults:
            faults.append(f"outcomes {ended.books.outcomes()}, retries {ended.books.output().get('retries')}, "
                          f"{ended.seconds:.1f} s\n        it said: {ended.said().strip()}")
        self.report.check(f"{name} ({ended.seconds:.1f} s, {ended.peak_kib >> 10} MiB)", not faults, "; ".join(faults))

    def case(self, case):
        capture, requests = self.capture(case.requests, case.body)
        with FaultServer(case.behaviour) as server:
            ended = self.replay(capture, server.url, *case.options).finish(30)
        faults = self.faults_of(ended, case.status)
        faults += self.wrong_outcomes(case.outcomes, ended.books.outcomes())
        faults += [f"{name} is {ended.books.output().get(name)}, not {value}"
                   for name, value in case.counters.items() if ended.books.output().get(name) != value]
        faults += [f"only {ended.books.output().get(name)} {name}" for name, least in case.least.items()
                   if ended.books.output().get(name, 0) < least]
        found, times = self.sendings(ended, requests, server.taken)
        faults += found
        if case.sent is not None and {times[target] for target in requests} != {case.sent}:
            faults.append(f"not each was sent {case.sent} times: {collections.Counter(times[t] for t in requests)}")
        if ended.seconds > case.seconds:
            faults.append(f"longer than {case.seconds} s")
        self.check(case.name(), faults, ended)

    @staticmethod
    def wrong_outcomes(expected, found):
        left = dict(found)
        faults = []
        for names, count in expected.items():
            names = names if isinstance(names, tuple) else (names,)
            together = sum(left.get(name, 0) for name in names)
            if together < count:
                faults.append(f"{' and '.join(names)} are {together}, not {count}")
            for name in names:  # the first of them is used up first
                used = min(left.get(name, 0), count)
                left[name] = left.get(name, 0) - used
                count -= used
        if rest := {name: count for name, count in left.items() if count}:
            faults.append(f"more than expected: {rest}")
        return faults


    def full_speed(self):
        """The same with an output that answers: a run sheds what comes too fast, and loses nothing else."""
        capture, requests = self.capture(5000)
        with FaultServer() as server:
            ended = self.run(capture, server.url).finish(30)
        faults = self.faults_of(ended) + self.sendings(ended, requests, server.taken)[0]
        output = ended.books.output()
        if ended.books.outcomes() != {"answered_2xx": output.get("handed_off")} or len(server.taken) != output[
                "handed_off"]:
            faults.append(f"{output.get('handed_off')} handed off, {len(server.taken)} arrived")
        self.check("full speed: all that was handed off is answered", faults, ended)

    def overload(self):
        """A run isn't held up by an output that doesn't answer: what finds no room is shed, at once, and counted."""
        capture, requests = self.capture(5000)
        with FaultServer("silent") as server:
            ended = self.run(capture, server.url, "--queue", "64", *fast("1s"), "--drain-timeout", "2s").finish(30)
        faults, output = self.faults_of(ended), ended.books.output()
        faults += self.sendings(ended, requests, server.taken)[0]
        if not output.get("shed_queue_full"):
            faults.append("nothing was shed")
        if output.get("handed_off", 0) + ended.books.shed() != len(requests):
            faults.append(f"{output.get('handed_off')} handed off and {ended.books.shed()} shed are not all")
        if ended.seconds > 5:
            faults.append("the drain time was over")
        self.check("overload: shed and counted", faults, ended)

    def comes_up(self):
        """It refuses at first."""
        capture, requests = self.capture(2000)
        server = FaultServer("late")
        program = self.replay(capture, server.url)
        time.sleep(1.2)
        with server:
            up = time.monotonic()
            ended = program.finish(30)
        faults = self.faults_of(ended) + self.wrong_outcomes({"answered_2xx": 2000}, ended.books.outcomes())
        found, times = self.sendings(ended, requests, server.taken)
        if ended.books.output().get("retries") or set(times.values()) != {1}:
            faults.append("not each was sent once")
        self.check("refused, then there", faults + found + self.late(up, server.taken), ended)

    def goes_and_returns(self, behaviour, options=()):
        """It goes in the middle, and its place refuses for a second. A request that meets two connections as they break
        is lost."""
        capture, requests = self.capture(2000)
        with FaultServer(behaviour) as server:
            program = self.replay(capture, server.url, *options)
            time.sleep(0.4)
        time.sleep(1)
        with FaultServer(behaviour, port=server.port) as returned:
            up = time.monotonic()
            ended = program.finish(30)
        outcomes = {"answered_2xx": 1992, ("answered_2xx", "failed_reset"): 8}
        faults = self.faults_of(ended) + self.wrong_outcomes(outcomes, ended.books.outcomes())
        faults += self.sendings(ended, requests, server.taken + returned.taken)[0]
        if not server.taken or not returned.taken:
            faults.append(f"{len(server.taken)} requests before, {len(returned.taken)} after")
        self.check(" ".join(("goes and returns", *options)), faults + self.late(up, returned.taken), ended)

    def recovers(self, behaviour, options):
        """It misbehaves for a second, then no more."""
        capture, requests = self.capture(3000)
        with FaultServer(behaviour) as server:
            program = self.replay(capture, server.url, *options)
            time.sleep(1)
            server.behave("healthy")
            up = time.monotonic()
            ended = program.finish(30)
        answered = {"answered_2xx": 1500, ("answered_2xx", "answered_5xx", *FAILED): 1500}
        faults = self.faults_of(ended) + self.wrong_outcomes(answered, ended.books.outcomes())
        faults += self.sendings(ended, requests, server.taken)[0]
        since = [each for each in server.taken if each.time > up]
        self.check(f"{behaviour}, then in good health", faults + self.late(up, since), ended)

    @staticmethod
    def late(up, taken):
        """Whether the first request came later than 2 seconds after the server was back."""
        after = taken[0].time - up if taken else None
        return [] if after is not None and after < 2 else [f"the first request came after {after} s"]

    def names(self):
        """The output's name: its addresses change, and nobody answers for a while; requests don't notice."""
        capture, requests = self.capture(3000)
        old = FaultServer("late")
        new = FaultServer("late", "127.0.0.2", old.port)
        with old, new, NameServer(["127.0.0.1"]) as names:
            program = self.replay(capture, f"http://origin.test:{old.port}", "--dns-server", names.text,
                                  "--dns-min-ttl", "100ms", "--dns-max-ttl", "1s")
            for change in ({"error": SERVFAIL}, {"error": NXDOMAIN}, {"addresses": ["127.0.0.2"]}):
                time.sleep(0.3)
                names.say(**change)
            moved = time.monotonic()
            time.sleep(0.3)
            names.say(silent=True)
            ended = program.finish(30)
        faults = self.faults_of(ended) + self.wrong_outcomes({"answered_2xx": 3000}, ended.books.outcomes())
        found, times = self.sendings(ended, requests, old.taken + new.taken)
        if set(times.values()) != {1}:
            faults.append("not each was sent once")
        if not new.taken or old.taken[-1].time - moved > 0.5:
            faults.append(f"{len(new.taken)} requests to the new address")
        if not ended.books.output().get("resolve_failures"):
            faults.append("no resolve_failures")
        self.check("names: errors, another address, then silence", faults + found, ended)

    def no_name(self):
        """Without an address at the start there is nothing to do: it says so and ends."""
        capture, _ = self.capture(20)
        for what, answer in (("SERVFAIL", {"error": SERVFAIL}), ("NXDOMAIN", {"error": NXDOMAIN}),
                             ("no address", {})):
            with NameServer() as names:
                names.say(**answer)
                ended = self.replay(capture, "http://origin.test:80", "--dns-server", names.text).finish(40)
            said = ended.said()
            self.report.check(f"names: {what} at the start ends it with a sentence ({ended.seconds:.1f} s)",
                              ended.status == 1 and "http://origin.test:80" in said and said.count("\n") == 1,
                              f"status {ended.status}, {ended.seconds:.1f} s, it said: {said}")


def main(binary):
    with tempfile.TemporaryDirectory(prefix="rebuilder-faults-") as folder:
        faults = Faults(binary, Path(folder))
        for case in CASES:
            faults.case(case)
        faults.full_speed()
        faults.overload()
        faults.comes_up()
        faults.goes_and_returns("late")
        faults.goes_and_returns("late", ("--pipeline", "4", "--connections", "2"))
        for behaviour in ("silent", "black-hole", "reset-each", "garbage", "503-only"):
            faults.recovers(behaviour, fast("500ms"))
        faults.names()
        faults.no_name()
        return faults.report.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
