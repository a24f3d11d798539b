#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A configuration that is read again (SIGHUP) under load: what changes is in force, and no frame, request or flow is lost.

    reload_test.py REBUILDER
"""

import asyncio
import json
import signal
import sys
import time
from pathlib import Path

import lab as laboratory
from lab import Lab, Rebuilder, wait_until
from program import SKIP, Books
from report import Report

FRAMES_A_SECOND = 6000
FRAMES_A_REQUEST = 4  # of a body of mirror_sender.py's size, without handshakes
PORTS = {"old": 8001, "new": 8002}


class Counting(asyncio.Protocol):
    """An HTTP server that answers 200, and writes down how many requests of each target it got."""

    def __init__(self, counts):
        self.counts, self.bytes = counts, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.bytes += data
        while True:
            head, end, rest = self.bytes.partition(b"\r\n\r\n")
            if not end:
                return
            lines = head.split(b"\r\n")
            length = next((int(line[15:]) for line in lines if line.lower().startswith(b"content-length:")), 0)
            if len(rest) < length:
                return
            self.bytes = rest[length:]
            target = lines[0].split(b" ")[1].decode()
            self.counts[target] = self.counts.get(target, 0) + 1
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


async def serve(port, path):
    counts, loop, stop = {}, asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    await loop.create_server(lambda: Counting(counts), "127.0.0.1", port)
    Path(path).write_text("")
    await stop.wait()
    Path(path).write_text(json.dumps(counts))


class Reloading:
    def __init__(self, report, lab, host, binary):
        self.report, self.lab, self.host = report, lab, host
        self.file = lab.folder / "rebuilder.toml"
        self.ledger_file = lab.folder / "ledger.json"
        self.servers = {}
        for name in PORTS:
            self.servers[name] = host.start(sys.executable, Path(__file__), "--serve", PORTS[name], self.counts_of(name))
            wait_until(self.counts_of(name).exists, 10, f"server {name}")
        self.write('output = ["http://127.0.0.1:8001"]')
        self.rebuilder = Rebuilder(host, binary, "run", "-c", self.file)

    def counts_of(self, name):
        return self.lab.folder / f"{name}.counts"

    def write(self, *lines):
        fixed = ['input = ["af_packet:mirror"]', "workers = 1", f'ledger = "{self.ledger_file}"', 'health-listen = "none"',
                 'admin-listen = "none"']
        self.file.write_text("\n".join([*fixed, *lines, ""]))

    def reload(self, answer, *lines):
        """Writes the file, asks for it to be read, and waits for the answer."""
        if lines:
            self.write(*lines)
        before = len(self.rebuilder.said())
        self.rebuilder.process.send_signal(signal.SIGHUP)
        try:
            wait_until(lambda: answer in self.rebuilder.said()[before:], 10, answer)
        except (RuntimeError, TimeoutError, SystemExit) as error:
            self.report.check(f"the answer to a reload is: {answer}", False, f"{error}: {self.rebuilder.said()[before:]}")
        else:
            self.report.check(f"the answer to a reload is: {answer}", True)

    def counts(self, name):
        self.servers[name].terminate()
        self.servers[name].wait(10)
        return json.loads(self.counts_of(name).read_text())


def run(report, lab, binary):
    mirror, appliance = lab.host("mirror"), lab.host("appliance")
    lab.cable(mirror, "mirror", appliance, "mirror", mtu=9000)
    appliance.drop_input(4789)
    for host in (mirror, appliance):  # nothing but the sender's frames on that cable
        host.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/mirror/disable_ipv6")
    it = Reloading(report, lab, appliance, binary)
    sender = mirror.start(sys.executable, Path(__file__).parent / "mirror_sender.py", "mirror", FRAMES_A_SECOND,
                          stdout=-1, text=True)
    time.sleep(1)

    it.reload("nothing to reload")
    it.reload("reloaded: deny", 'output = ["http://127.0.0.1:8001"]', 'deny = ["path=^/r/7$"]')
    time.sleep(1.5)
    both = 'output = ["http://127.0.0.1:8001", "http://127.0.0.1:8002"]'
    it.reload("reloaded: output, deny", both)
    time.sleep(1)

    # What can't be used, or not now, leaves all as it is.
    it.reload("unknown key 'worker' (line 6)", "worker = 2")
    it.reload("--max-body", both, 'max-body = "1000M"')
    ledger_file, it.ledger_file = it.ledger_file, "/no-such-folder/ledger"
    it.reload("--ledger /no-such-folder/ledger: can't be written", both)
    it.ledger_file = ledger_file
    it.reload("--idle-sleep can't change while it runs: it is auto, and would be 1ms", both, 'idle-sleep = "1ms"')
    it.file.unlink()
    it.reload(str(it.file))

    it.reload("reloaded: output, pipeline, set-header", 'output = ["http://127.0.0.1:8002"]', "pipeline = 4",
              'set-header = ["X-Stage: new"]')
    time.sleep(1)
    it.reload("reloaded: log-format", 'output = ["http://127.0.0.1:8002"]', "pipeline = 4",
              'set-header = ["X-Stage: new"]', 'log-format = "json"')
    sender.terminate()
    sent = int(sender.communicate(timeout=20)[0])
    time.sleep(0.3)
    report.equal("it ends with status 0 at SIGTERM", 0, it.rebuilder.stop())

    books = Books(it.ledger_file.read_text() if it.ledger_file.exists() else "")
    report.equal("no law is broken", [], books.broken())
    report.equal("every frame came", sent, books.worker.get("frames"))
    report.check("0 frames were missed", ", 0 missed, 0 errors" in it.rebuilder.said(), it.rebuilder.said())
    lost = {name: count for name, count in books.worker.items() if count and name.startswith("requests_lost")}
    report.check("no request was lost, but what was cut at the end", set(lost) <= {"requests_lost_to_drain"}, lost)
    report.equal("no flow was picked up in the middle", 0, books.worker.get("flows_midstream"))
    rebuilt, denied = books.worker["requests_rebuilt"], books.worker["requests_denied"]
    report.check("enough were rebuilt", rebuilt > 3 * FRAMES_A_SECOND / (FRAMES_A_REQUEST + 1), rebuilt)
    names = [each["output"] for each in books.all["outputs"]]
    report.equal("both outputs are in the ledger", ["http://127.0.0.1:8001", "http://127.0.0.1:8002"], sorted(names))
    counted = {}
    for output in books.all["outputs"]:
        name = "old" if output["output"].endswith("8001") else "new"
        counters, counts = output["counters"], it.counts(name)
        counted[name] = counts
        report.equal(f"{name}: every request handed off was answered", counters["handed_off"], counters["answered_2xx"])
        report.equal(f"{name}: and came to the server", counters["handed_off"], sum(counts.values()))
        report.equal(f"{name}: all but those rebuilt in its absence", rebuilt - denied,
                     counters["handed_off"] + counters["requests_absent"])
        report.check(f"{name}: it was absent for a while", counters["requests_absent"] > 0)
    report.check("the filter held while it was in force", denied > 0 and counted["old"]["/r/7"] > 0, denied)
    print(f"{rebuilt} requests; {denied} denied; " + ", ".join(f"{sum(c.values())} to the {n} output" for n, c in counted.items()))
    last = it.rebuilder.said()
    report.check("the log is JSON in the end", '"event":"reloaded"' in last or '{"time":"' in last, last)
    if report.failed:
        print(f"--- the rebuilder said:\n{last}")


def main(binary):
    if reason := laboratory.unavailable():
        print(f"skipped: {reason}")
        return SKIP
    report = Report()
    with Lab() as lab:
        run(report, lab, binary)
    return report.close()


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        sys.exit(asyncio.run(serve(int(sys.argv[2]), sys.argv[3])))
    sys.exit(main(sys.argv[1]))
