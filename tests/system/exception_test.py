#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A host whose only network interface belongs to the rebuilder, with --exception-path tap: it still answers ARP, ping and
health checks, and holds TCP conversations both ways, over rb0. Meanwhile mirrored frames come through the same interface, and
the requests rebuilt from them leave through it. Then the same under a flood of frames that are nobody's.

    exception_test.py PATH_OF_REBUILDER
"""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import lab as laboratory
from lab import Lab, Nginx, Rebuilder, wait_until
from report import Report

SKIP = 77
HERE = Path(__file__).resolve().parent
NETWORK, APPLIANCE = "10.0.9.1", "10.0.9.2"
HEALTH_PORT, ECHO_PORT = 9445, 2222
RATE = 4000  # mirrored frames a second; a request is four of them
FLOOD = 200_000


def shown(host, interface):
    done = host.run("ip", "-json", "link", "show", "dev", interface, stdout=subprocess.PIPE)
    return json.loads(done.stdout)[0]


class ExceptionLab(Lab):
    """network == appliance, whose eth0 is out of its kernel's reach."""

    def __enter__(self):
        super().__enter__()
        try:
            self.network, self.appliance = self.host("network"), self.host("appliance")
            self.cable(self.network, "eth0", self.appliance, "eth0", mtu=9000)
            self.network.address("eth0", f"{NETWORK}/24")
            # What arrives goes to packet sockets, and no further; the kernel itself sends nothing there.
            self.appliance.run("nft", 'table netdev rb {\n chain in {\n  type filter hook ingress device "eth0" '
                                      'priority 0; policy drop;\n }\n}')
            self.appliance.run("sysctl", "-q", "-w", "net.ipv6.conf.eth0.disable_ipv6=1")
        except BaseException:
            self.__exit__()
            raise
        return self

    def rebuilder(self, binary, ledger):
        return Rebuilder(self.appliance, binary, "run", "--input", "af_packet:eth0", "--exception-path", "tap",
                         "--output", f"http://{NETWORK}:80", "--ledger", ledger, "--admin-listen", "none")

    def sender(self):
        return self.network.start(sys.executable, HERE / "mirror_sender.py", "eth0", RATE, stdout=subprocess.PIPE)

    def health(self):
        done = self.network.run("curl", "-sS", "-m", 5, f"http://{APPLIANCE}:{HEALTH_PORT}/-/healthcheck",
                                check=False, stdout=subprocess.PIPE)
        return done.stdout.decode()


class Ended:
    """What a rebuilder says when it has ended."""

    def __init__(self, rebuilder, ledger):
        books = json.loads(ledger.read_text())
        self.laws, self.counters = books["laws"], books["counters"]
        self.output = books["outputs"][0]["counters"]
        self.missed = int(re.search(r"(\d+) missed", rebuilder.said())[1])


def sent_by(sender):
    sender.send_signal(signal.SIGTERM)
    return int(sender.communicate(timeout=10)[0])


def check_books(report, ended):
    counters = ended.counters
    for law in ended.laws:
        report.check(f"law: {law['name']}", law["holds"] and law["left"] == law["right"], law)
    report.equal("every frame that isn't the mirror's went to the kernel, or is counted as left out",
                 counters["frame_not_tunnel"],
                 sum(counters[name] for name in ("exception_to_kernel", "exception_not_ours", "exception_dropped_full",
                                                 "exception_dropped_refused")))
    report.equal("what was handed off was answered", ended.output["handed_off"], ended.output["answered_2xx"])


def owned(report, lab, binary):
    """The interface's owner lets its traffic through."""
    ledger = lab.folder / "ledger.json"
    server = Nginx(lab.network)
    rebuilder = lab.rebuilder(binary, ledger)
    rb0, eth0 = shown(lab.appliance, "rb0"), shown(lab.appliance, "eth0")
    report.equal("rb0 has the port's address and MTU", (eth0["address"], eth0["mtu"]), (rb0["address"], rb0["mtu"]))
    lab.appliance.address("rb0", f"{APPLIANCE}/24")
    echo = lab.appliance.start(sys.executable, HERE / "echo.py", "serve", ECHO_PORT, stdout=subprocess.PIPE)
    report.equal("the conversation's server runs", b"ready\n", echo.stdout.readline())
    sender = lab.sender()

    for size in (0, 8000):
        done = lab.network.run(sys.executable, HERE / "echo.py", "ping", APPLIANCE, 20, size, check=False)
        report.equal(f"20 pings of {size} bytes are answered", (0, b""), (done.returncode, done.stderr))
    neighbour = lab.network.run("ip", "neigh", "show", APPLIANCE, stdout=subprocess.PIPE).stdout.decode()
    report.check("ARP is answered with the port's address", eth0["address"] in neighbour, neighbour)
    report.equal("the health check is answered", "OK", lab.health())
    begin = time.monotonic()
    done = lab.network.run(sys.executable, HERE / "echo.py", "talk", APPLIANCE, ECHO_PORT, 16, check=False)
    print(f"talk: {time.monotonic() - begin:.2f} s")
    report.equal("16 MB go there and back over TCP", (0, b""), (done.returncode, done.stderr))
    time.sleep(1)
    sent = sent_by(sender)
    wait_until(lambda: server.count() >= sent // 5, 10, "requests at the server")
    time.sleep(0.5)
    report.equal("the rebuilder ends with status 0", 0, rebuilder.stop())
    ended = Ended(rebuilder, ledger)
    counters = ended.counters
    check_books(report, ended)
    report.equal("every mirrored frame came", (sent, 0), (counters["segments"], ended.missed))
    # The sender stops in the middle of a request, at most.
    report.check("every request was rebuilt", counters["requests_started"] - 1 <= counters["requests_rebuilt"], counters)
    report.equal("every one of them reached the server", counters["requests_rebuilt"], server.count())
    report.check("thousands of frames went each way",
                 counters["exception_to_kernel"] > 2000 < counters["exception_from_kernel"], counters)
    report.equal("the kernel's frames aren't taken for mirrored ones", sent + counters["frame_not_tunnel"],
                 counters["frames"])
    if report.failed:
        print(f"--- the rebuilder said:\n{rebuilder.said()}")
    gone = lab.appliance.run("ip", "link", "show", "dev", "rb0", check=False, stdout=subprocess.DEVNULL)
    report.check("rb0 goes with the rebuilder", gone.returncode != 0)
    echo.terminate()
    return server


def flood(lab, count):
    """Frames to the port's address, of a protocol that nobody speaks and to a port that nobody listens on."""
    mac = bytes.fromhex(shown(lab.appliance, "eth0")["address"].replace(":", ""))
    other = bytes.fromhex("020000009999")
    odd = mac + other + b"\x88\xb5" + bytes(46)
    header = bytes.fromhex("45000030000000004011") + bytes(2) + socket.inet_aton("203.0.113.9") + socket.inet_aton(APPLIANCE)
    datagram = mac + other + b"\x08\x00" + header + bytes.fromhex("03e803e7001c0000") + bytes(20)
    script = (f"import socket\nout = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\nout.bind(('eth0', 0))\n"
              f"for _ in range({count // 2}):\n out.send({odd!r})\n out.send({datagram!r})\n")
    return lab.network.start(sys.executable, "-c", script)


def flooded(report, lab, binary):
    """On a tap device that was there before, and stays. It stops with frames still coming."""
    ledger = lab.folder / "ledger2.json"
    lab.appliance.ip("tuntap", "add", "dev", "rb0", "mode", "tap")
    lab.appliance.ip("link", "set", "rb0", "mtu", 1500)
    lab.appliance.address("rb0", f"{APPLIANCE}/24")
    rebuilder = lab.rebuilder(binary, ledger)
    report.equal("an interface that was there keeps its MTU", 1500, shown(lab.appliance, "rb0")["mtu"])
    wait_until(lambda: lab.health() == "OK", 5, "the health check over an address that was there before")
    sender = lab.sender()
    flooding = flood(lab, FLOOD)
    answers = []
    while flooding.poll() is None:
        answers.append(lab.health())
        time.sleep(0.1)
    report.check("the health check gets through, or is told that it was lost", "OK" in answers, answers)
    report.equal("and does at once when the flood is over", "OK", lab.health())
    sent = sent_by(sender)
    time.sleep(0.5)
    more = lab.sender()
    time.sleep(1)
    begin = time.monotonic()
    report.equal("the rebuilder ends with status 0 while frames come", 0, rebuilder.stop())
    report.check("and soon, as its server answers", time.monotonic() - begin < 5, time.monotonic() - begin)
    sent_by(more)
    ended = Ended(rebuilder, ledger)
    counters = ended.counters
    check_books(report, ended)
    report.check("the flood came", counters["frame_not_tunnel"] + ended.missed > FLOOD * 0.9, counters)
    report.check("only what the port says was missed of the mirror's",
                 counters["segments"] + counters["frame_while_draining"] + ended.missed >= sent, (sent, ended.missed, counters))
    report.check("what waited was sent though the workers had ended", counters["exception_from_kernel"] > 0, counters)
    print(f"flood: {counters['exception_to_kernel']} to the kernel, {counters['exception_dropped_full']} dropped, "
          f"{ended.missed} missed, health check {answers.count('OK')} of {len(answers)}")
    if report.failed:
        print(f"--- the rebuilder said:\n{rebuilder.said()}")


def main(binary):
    if reason := laboratory.unavailable():
        print(f"skipped: {reason}")
        return SKIP
    if not Path("/dev/net/tun").exists():
        print("skipped: no /dev/net/tun")
        return SKIP
    report = Report()
    with ExceptionLab() as lab:
        server = owned(report, lab, binary)
        flooded(report, lab, binary)
        server.requests()
    return report.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
