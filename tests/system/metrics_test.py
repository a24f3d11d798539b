#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""All views of a running rebuilder say the same: /ledger, /metrics, /status.json, DPDK's telemetry, and in the end the
--ledger file. Captures with all sorts of traffic go through two workers to three outputs, and when nothing moves any more
every single counter is compared. promtool looks at the metrics where it is installed.

    metrics_test.py REBUILDER FOLDER_OF_PCAP_FIXTURES
"""

import contextlib
import glob
import http.client
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from alb import free_port
from report import Report

CAPTURES = ("real-clients", "not-http", "vxlan-refused", "tcp-gap-by-scatter", "two-vnis", "h2-grpc")
SAMPLE = re.compile(r'(rebuilder_\w+)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Analyser(http.server.BaseHTTPRequestHandler):
    """Answers, each tenth time with an error."""

    protocol_version = "HTTP/1.1"
    answered = 0

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        Analyser.answered += 1
        self.send_response(503 if Analyser.answered % 10 == 0 else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def log_message(self, *_):
        pass


class Telemetry:
    """The socket of one process, spoken to as dpdk-telemetry.py does."""

    def __init__(self, pid):
        self.socket = None
        folders = ("/var/run/dpdk", os.path.join(os.environ.get("XDG_RUNTIME_DIR", "/tmp"), "dpdk"), "/tmp/dpdk")
        for path in (path for folder in folders for path in glob.glob(f"{folder}/rebuilder/dpdk_telemetry.v2*")):
            candidate = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            candidate.settimeout(5)
            with contextlib.suppress(OSError):
                candidate.connect(path)
                if json.loads(candidate.recv(4096))["pid"] == pid:
                    self.socket, self.path = candidate, path
                    return
            candidate.close()

    def ask(self, command):
        self.socket.send(command.encode())
        return json.loads(self.socket.recv(1 << 16))[command.partition(",")[0]]


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.getheader("Content-Type"), answer.read().decode()
    finally:
        connection.close()


def faults_of(page):
    """What is wrong with a page in the text format: the rules that promtool has, too."""
    types, helped, seen, family = {}, set(), set(), None
    for line in page.splitlines():
        if line.startswith("# HELP "):
            helped.add(line.split(" ", 3)[2])
            continue
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            if family in types:
                yield f"{family} is declared twice"
            types[family] = kind
            if (kind == "counter") != family.endswith("_total"):
                yield f"{family} is a {kind}"
            continue
        found = SAMPLE.fullmatch(line)
        if not found:
            yield f"no sample: {line}"
            continue
        name, labels, value = found.groups()
        if types.get(family) == "histogram":
            name = re.sub("_(bucket|sum|count)$", "", name)
        if name != family or name not in helped:
            yield f"{line}: not behind its HELP and TYPE"
        if line.rpartition(" ")[0] in seen:
            yield f"twice: {line}"
        seen.add(line.rpartition(" ")[0])
        if LABEL.sub("", labels or "").strip(","):
            yield f"labels: {line}"
        float(value)
    if not types or not page.endswith("\n"):
        yield "the page has no end"


def samples_of(page):
    """[(name, labels, value)]"""
    for line in page.splitlines():
        if not line.startswith("#"):
            name, labels, value = SAMPLE.fullmatch(line).groups()
            yield name, dict(LABEL.findall(labels or "")), float(value)


def ledger_of_metrics(page, outputs):
    """The counters as /ledger has them."""
    workers, of_output = {}, {output: {} for output in outputs}
    for name, labels, value in samples_of(page):
        if not name.endswith("_total"):
            continue
        name = name.removeprefix("rebuilder_").removesuffix("_total")
        if set(labels) == {"worker"}:
            workers[name] = workers.get(name, 0) + int(value)
        elif "output" in labels:
            book = of_output[labels["output"]]
            book[name] = book.get(name, 0) + int(value)
    workers.pop("worker_busy_seconds")
    return workers, of_output


def compare(report, view, ledger, workers, outputs):
    """Every counter of the ledger, and no other, is in the view with its value."""
    wanted = {"": ledger["counters"], **{each["output"]: each["counters"] for each in ledger["outputs"]}}
    found = {"": workers, **outputs}
    wrong = [f"{scope} {name}: {found.get(scope, {}).get(name)} is not {value}"
             for scope, counters in wanted.items() for name, value in counters.items()
             if found.get(scope, {}).get(name) != value]
    extra = [f"{scope} {name}" for scope, counters in found.items() for name in counters if name not in wanted.get(scope, {})]
    count = sum(map(len, wanted.values()))
    report.check(f"{view} has the {count} values of /ledger", not wrong and not extra and count > 100, [wrong[:5], extra[:5]])


def check_views(report, pid, admin, ledger, outputs):
    kind, page = get(admin, "/metrics")
    report.equal("/metrics says its type", "text/plain; version=0.0.4; charset=utf-8", kind)
    report.equal("/metrics is well formed", [], list(faults_of(page))[:5])
    report.check("and a fault in it would be found",
                 list(faults_of("# TYPE a counter\na{b=\"c\"} 1\n")) and list(faults_of(page + page)))
    if promtool := shutil.which("promtool"):
        done = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, text=True)
        report.check("promtool finds nothing", done.returncode == 0 and not done.stdout + done.stderr, done.stderr)
    else:
        print("no promtool here: only this test's own rules were checked")
    compare(report, "/metrics", ledger, *ledger_of_metrics(page, outputs))

    samples = list(samples_of(page))

    def total(family, **labels):
        return sum(value for name, has, value in samples if name == family and labels.items() <= has.items())

    frames = ledger["counters"]["frames"]
    report.equal("the ports' frames are the workers'", frames, total("rebuilder_port_frames_total"))
    report.equal("so are the sources'", frames, total("rebuilder_source_frames_total"))
    report.equal("and their bytes", ledger["counters"]["frame_bytes"], total("rebuilder_source_bytes_total"))
    report.check("two VNIs are told apart", total("rebuilder_source_frames_total", vni="1377") > 0 <
                 total("rebuilder_source_frames_total", vni="1378"))
    report.check("drivers' statistics are there", total("rebuilder_port_xstat", name="rx_good_packets") > 0)
    http_output = next(output for output in outputs if output.startswith("http"))
    answered = sum(value for name, value in next(each["counters"] for each in ledger["outputs"]
                                                 if each["output"] == http_output).items() if name.startswith("answered_"))
    report.check("every answer is in the histogram, and there are some",
                 answered == total("rebuilder_answer_seconds_count", output=http_output) ==
                 total("rebuilder_answer_seconds_bucket", output=http_output, le="+Inf") > 0, answered)
    report.equal("each forwarder has its own", 2, sum(name == "rebuilder_answer_seconds_count" for name, _, _ in samples))

    status = json.loads(get(admin, "/status.json")[1])
    compare(report, "/status.json", ledger, status["counters"], {each["name"]: each["counters"] for each in status["outputs"]})
    report.equal("its laws are the ledger's", [(law["name"], law["left"], law["right"]) for law in ledger["laws"]],
                 [(law["name"], law["left"], law["right"]) for law in status["laws"]])
    report.equal("no flow is left", [0, 0], [worker["flows"] for worker in status["workers"]])
    report.check("heartbeats are fresh", all(worker["heartbeat_age_s"] < 1 for worker in status["workers"]), status["workers"])
    report.equal("the latency is that of /metrics", answered, sum(sum(each["latency"]["counts"]) for each in status["outputs"]))

    telemetry = Telemetry(pid)
    if telemetry.socket is None:
        return report.check("DPDK's telemetry socket is there", False)
    stats = telemetry.ask("/rebuilder/stats")
    compare(report, "telemetry's /rebuilder/stats", ledger, stats["counters"],
            {each.pop("name"): each for each in stats["outputs"].values()})
    alone = [telemetry.ask(f"/rebuilder/stats,{worker}") for worker in (0, 1)]
    report.check("/rebuilder/stats,N is one worker's",
                 all(alone[0][name] + alone[1][name] == value for name, value in ledger["counters"].items()) and
                 all(each["frames"] for each in alone))
    report.check("a worker that isn't there is said", "error" in telemetry.ask("/rebuilder/stats,2"))
    flows = telemetry.ask("/rebuilder/flows")
    report.equal("/rebuilder/flows has each worker's", [0, 0], [each["flows"] for each in flows["workers"].values()])
    report.equal("/rebuilder/config has the options", "1s", telemetry.ask("/rebuilder/config")["idle_timeout"])
    if tool := shutil.which("dpdk-telemetry.py"):
        instance = telemetry.path.rpartition(":")[2] if ":" in telemetry.path else "0"
        done = subprocess.run([tool, "-f", "rebuilder", "-i", instance], input="/rebuilder/stats\nquit\n",
                              capture_output=True, text=True, timeout=10)
        report.check("dpdk-telemetry.py shows them", '"requests_rebuilt": ' in done.stdout, done.stdout + done.stderr)


def main(rebuilder, fixtures):
    report = Report()
    admin = free_port()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Analyser)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    inputs = [part for name in CAPTURES for part in ("--input", f"pcap:{fixtures}/{name}.pcap")]
    with tempfile.TemporaryDirectory() as folder:
        outputs = [f"http://127.0.0.1:{server.server_address[1]}", f"jsonl:{folder}/records", "null"]
        process = subprocess.Popen(
            [rebuilder, "run", *inputs, "--input", "vdev:net_null0,no-rx=1",  # the last one keeps it running
             *(part for output in outputs for part in ("--output", output)), "--workers", "2", "--forwarders", "2",
             "--vni", "!99", "--idle-timeout", "1s", "--ledger", f"{folder}/ledger.json", "--health-listen", "none",
             "--admin-listen", f"127.0.0.1:{admin}"], stderr=subprocess.PIPE, text=True)
        try:
            said = [next(process.stderr, "")]
            while "rebuilder: ready" not in said[-1] and said[-1]:
                said.append(next(process.stderr, ""))
            # Flows stay known for ten seconds behind their end.
            deadline = time.monotonic() + 40
            while time.monotonic() < deadline:
                time.sleep(1.2)  # the ports are looked at once a second
                ledger = json.loads(get(admin, "/ledger")[1])
                if ledger["counters"]["flows_opened"] > 10 and all(law["holds"] for law in ledger["laws"]):
                    break
            report.check("it comes to rest", all(law["holds"] for law in ledger["laws"]), ledger["laws"])
            time.sleep(1.2)
            check_views(report, process.pid, admin, ledger, outputs)
            report.equal("nothing moved meanwhile", ledger, json.loads(get(admin, "/ledger")[1]))
            process.send_signal(signal.SIGTERM)
            _, rest = process.communicate(timeout=20)
            report.check("it ends with status 0", process.returncode == 0, rest)
            with open(f"{folder}/ledger.json") as file:
                books = json.load(file)
            compare(report, "the --ledger file", ledger, books["counters"],
                    {each["output"]: each["counters"] for each in books["outputs"]})
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    return report.close()


if __name__ == "__main__":
    sys.exit(main(*map(os.path.abspath, sys.argv[1:3])))
