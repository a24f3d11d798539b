#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A worker that sleeps as long as it may, since no frames come: when they do, in bursts, it loses none of them.

    idle_test.py REBUILDER
"""

import json
import os
import socket
import sys
import time
from pathlib import Path

import lab as laboratory
import unique
from lab import Lab, Rebuilder, wait_until
from program import SKIP
from report import Report

BURSTS, REQUESTS = 8, 1000
PAUSE_S = 0.2  # the sleeps are at their longest by then
VNI_AT = 14 + 20 + 8 + 4


def burst():
    return [bytearray(frame) for frame in unique.frames_of(unique.made(REQUESTS, body=500))]


def send(interface):
    """Bursts of new connections, each in a virtual network of its own, with pauses between."""
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((interface, 0))
    frames = burst()
    for vni in range(1, BURSTS + 1):
        for frame in frames:
            frame[VNI_AT:VNI_AT + 3] = vni.to_bytes(3, "big")
        for frame in frames:
            out.send(frame)
        time.sleep(PAUSE_S)


def cpu_s(pid):
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def main(binary):
    if reason := laboratory.unavailable():
        print(f"skipped: {reason}")
        return SKIP
    report = Report()
    with Lab() as lab:
        mirror, appliance = lab.host("mirror"), lab.host("appliance")
        lab.cable(mirror, "mirror", appliance, "mirror", mtu=9000)
        appliance.drop_input(4789)
        for host in (mirror, appliance):  # nothing but the sender's frames on that cable
            host.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/mirror/disable_ipv6")
        ledger_file = lab.folder / "ledger.json"
        rebuilder = Rebuilder(appliance, binary, "run", "--input", "af_packet:mirror", "--output", "null", "--workers", 1,
                              "--idle-sleep", "10ms", "--ledger", ledger_file, "--health-listen", "none",
                              "--admin-listen", "none")
        before = cpu_s(rebuilder.process.pid)
        time.sleep(2)
        print(f"an idle second took {(cpu_s(rebuilder.process.pid) - before) / 2 * 1000:.0f} ms of CPU")
        wait_until(lambda: mirror.start(sys.executable, Path(__file__), "--send", "mirror").wait() == 0, 60, "sender")
        time.sleep(0.2)
        report.equal("the rebuilder ends with status 0 at SIGTERM", 0, rebuilder.stop())
        counters = json.loads(ledger_file.read_text())["counters"] if ledger_file.exists() else {}
        report.equal("frames", BURSTS * len(burst()), counters.get("frames"))
        report.equal("requests_rebuilt", BURSTS * REQUESTS, counters.get("requests_rebuilt"))
        if report.failed:
            print(f"--- the rebuilder said:\n{rebuilder.said()}")
    return report.close()


if __name__ == "__main__":
    sys.exit(send(sys.argv[2]) if sys.argv[1] == "--send" else main(sys.argv[1]))
