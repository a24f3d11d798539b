#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An output goes for a while, under constant traffic: it hangs, it is killed, it vanishes from the network. Reception
loses no frame, memory stays flat, what isn't sent is shed and counted, another output notices nothing, and within 2
seconds of its return answers flow again.

    outage_test.py REBUILDER [SECONDS [FRAMES_A_SECOND]]
"""

import json
import shutil
import signal
import sys
import time
from pathlib import Path

import lab as laboratory
from lab import OUTPUT_SOURCE, WAF, Lab, Rebuilder, run, tool_path, wait_until
from program import SKIP, Books, memory_kib
from report import Report

BEFORE_S = 2      # of traffic, in front of the outage
FLAT_KIB = 4096   # that the memory may grow by when it has had its time to fill
FILLED_S = 4      # which is so long
PORTS = {"under test": 80, "healthy": 81}


class Web:
    """A haproxy on the analysers' host that answers 200 itself, when it has the whole request."""

    def __init__(self, host, port):
        self.host, self.port = host, port
        self.config = host.lab.folder / f"haproxy-{port}.cfg"
        self.config.write_text(f"""
global
    nbthread 1
defaults
    mode http
    option http-buffer-request
    timeout client 30s
    timeout server 30s
    timeout connect 1s
frontend all
    bind {WAF}:{port}
    http-request return status 200
""")
        self.start()

    def start(self):
        self.process = self.host.start("haproxy", "-db", "-f", self.config)

    def hang(self):
        self.process.send_signal(signal.SIGSTOP)
        return lambda: self.process.send_signal(signal.SIGCONT)

    def die(self):
        self.process.kill()
        self.process.wait()
        return self.start

    def vanish(self):
        """Neither its packets nor those to it arrive: its peer hears of no end."""
        self.host.run("nft", "table inet gone {\n"
                      f" chain in {{\n type filter hook input priority 0;\n tcp dport {self.port} drop\n }}\n"
                      f" chain out {{\n type filter hook output priority 0;\n tcp sport {self.port} drop\n }}\n}}")
        return lambda: self.host.run("nft", "delete table inet gone")


OUTAGES = {"hangs": Web.hang, "is killed": Web.die, "vanishes": Web.vanish}


class Outage:
    def __init__(self, binary, seconds, rate, lab):
        self.binary, self.seconds, self.rate, self.lab, self.report = binary, seconds, rate, lab, Report()
        self.mirror, self.appliance, self.waf = lab.host("mirror"), lab.host("appliance"), lab.host("waf")
        lab.cable(self.mirror, "mirror", self.appliance, "mirror", mtu=9000)
        lab.cable(self.appliance, "eth0", self.waf, "eth0")
        self.appliance.address("eth0", f"{OUTPUT_SOURCE}/30")
        self.waf.address("eth0", f"{WAF}/30")
        self.appliance.drop_input(4789)
        for host in (self.mirror, self.appliance):  # nothing but the sender's frames on that cable
            host.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/mirror/disable_ipv6")
        self.webs = {name: Web(self.waf, port) for name, port in PORTS.items()}

    def ledger(self):
        done = self.appliance.run("curl", "-q", "-sS", "--max-time", "5", "http://127.0.0.1:9446/ledger", stdout=-1)
        return Books(done.stdout)

    def answered(self):
        return self.ledger().output(0)["answered_2xx"]

    def outage(self, name, begin):
        ledger_file = self.lab.folder / "ledger.json"
        outputs = [word for port in PORTS.values() for word in ("--output", f"http://{WAF}:{port}")]
        rebuilder = Rebuilder(self.appliance, self.binary, "run", "--input", "af_packet:mirror", *outputs,
                              "--timeout", "1s", "--ledger", ledger_file, "--health-listen", "none",
                              "--lock-memory", "never")  # to see what it uses
        sender = self.mirror.start(sys.executable, Path(__file__).with_name("mirror_sender.py"), "mirror", self.rate,
                                   stdout=-1)
        time.sleep(BEFORE_S)
        end_outage = begin(self.webs["under test"])
        memory, until = [], time.monotonic() + self.seconds
        while time.monotonic() < until:
            memory.append(memory_kib(rebuilder.process.pid))
            time.sleep(0.1)
        during = self.ledger()
        answered, back = self.answered(), time.monotonic()
        end_outage()
        try:
            wait_until(lambda: self.answered() > answered, 10, "answers")
        except TimeoutError as late:
            print(late)
        recovery = time.monotonic() - back
        time.sleep(1)
        sender.terminate()
        sent = int(sender.communicate(timeout=10)[0])
        time.sleep(0.5)
        status = rebuilder.stop()
        books = Books(ledger_file.read_text() if ledger_file.exists() else "")
        self.check(name, books, during, sent, memory, recovery, status)
        if self.report.failed:
            print(f"--- the rebuilder said:\n{rebuilder.said()}")

    def check(self, name, books, during, sent, memory, recovery, status):
        check, equal = self.report.check, self.report.equal
        equal(f"{name}: status 0", 0, status)
        equal(f"{name}: every law holds", [], books.broken())
        # The kernels may have said something of their own on that cable before they were told not to.
        mirrored = books.worker.get("frames", 0) - books.worker.get("frame_not_tunnel", 0)
        equal(f"{name}: all {sent} frames were received", sent, mirrored)
        settled = memory[min(FILLED_S * 10, len(memory) // 2):]
        check(f"{name}: memory is flat, {memory[0] >> 10} MiB at first, then {min(settled) >> 10} to "
              f"{max(settled) >> 10} MiB", max(settled) - min(settled) <= FLAT_KIB, memory)
        rebuilt = books.worker.get("requests_rebuilt")
        check(f"{name}: {during.shed(0)} requests were shed, and counted", during.shed(0) > 0, during.output(0))
        equal(f"{name}: none of {rebuilt} is missing", rebuilt, books.shed(0) + books.output(0).get("handed_off", 0))
        check(f"{name}: answers flow again within 2 s ({recovery:.2f} s)", recovery < 2)
        equal(f"{name}: the other output answers all", {"answered_2xx": rebuilt}, books.outcomes(1))
        equal(f"{name}: and sheds nothing", 0, books.shed(1))


def main(binary, seconds="8", rate="8000"):  # a fourth of that are requests
    if reason := laboratory.unavailable() or (None if shutil.which("haproxy", path=tool_path()) else "no haproxy"):
        print(f"skipped: {reason}")
        return SKIP
    with Lab(seconds=int(3 * (float(seconds) + 25))) as lab:
        test = Outage(binary, float(seconds), rate, lab)
        for name, begin in OUTAGES.items():
            test.outage(name, begin)
        return test.report.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
