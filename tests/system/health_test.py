#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the health check and the service manager are told while all is well, while a worker is stuck, while an output is down,
and at the end.

    health_test.py REBUILDER STEPPED_CLOCK

A worker is stuck here as it would be by a fault in a driver: its thread alone stops, by ptrace, which needs root. The wall
clock is set for this process only, by a library that is loaded before the others.
"""

import ctypes
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from alb import free_port
from report import Report

SKIP = 77
SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, thread):
    if libc.ptrace(request, thread, None, None) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Stopped:
    """One thread of a process, that doesn't run."""

    def __init__(self, thread):
        self.thread = thread

    def __enter__(self):
        ptrace(SEIZE, self.thread)
        ptrace(INTERRUPT, self.thread)
        os.waitpid(self.thread, 0x40000000)  # __WALL: also a thread that isn't a child

    def __exit__(self, *_):
        ptrace(DETACH, self.thread)


def health(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/-/healthcheck")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def within(seconds, condition):
    """How long it took until the condition held; None, when it never did."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        if condition():
            return time.monotonic() - begin
        time.sleep(0.05)
    return None


class Manager:
    """The service manager's end."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)

    def heard(self, seconds=0.0):
        """All that comes in that time."""
        lines, end = [], time.monotonic() + seconds
        while select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]:
            lines += self.socket.recv(4096).decode().splitlines()
        return lines

    def close(self):
        self.socket.close()
        os.unlink(self.path)


def worker_thread(pid):
    for task in Path(f"/proc/{pid}/task").iterdir():
        if "worker" in (task / "comm").read_text():
            return int(task.name)
    raise RuntimeError("no thread is called a worker")


def start(binary, manager, port, said, *options, **variables):
    with said.open("wb") as stderr:
        return subprocess.Popen(
            [binary, "run", "--input", "vdev:net_null0", "--output", f"http://127.0.0.1:{free_port()}",
             "--health-listen", f"127.0.0.1:{port}", *options],
            stderr=stderr, env={**os.environ, "NOTIFY_SOCKET": manager.path, **variables})


def frames(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/ledger")
        return json.loads(connection.getresponse().read())["counters"]["frames"]
    finally:
        connection.close()


def lame_duck(report, binary, folder):
    """Asked to stop, it works on while its health check fails; asked twice, it doesn't."""
    for signals in (1, 2):
        manager, port, admin = Manager(folder), free_port(), free_port()
        said = Path(folder) / "lame.err"
        process = start(binary, manager, port, said, "--admin-listen", f"127.0.0.1:{admin}", "--lame-duck", "3s")
        try:
            report.check("it is ready", within(20, lambda: "READY=1" in manager.heard()) is not None)
            process.send_signal(signal.SIGTERM)
            begin = time.monotonic()
            report.check("lame duck: the health check fails at once", within(1, lambda: health(port) == (503, "draining")) is not None)
            before = frames(admin)
            time.sleep(0.5)
            report.check("while frames are taken", frames(admin) > before)
            heard = manager.heard(0.1)
            report.check("the service manager is asked for the time", "STOPPING=1" in heard
                         and "EXTEND_TIMEOUT_USEC=18000000" in heard, heard)
            if signals == 2:
                process.send_signal(signal.SIGTERM)
            report.equal("it ends with status 0", 0, process.wait(20))
            took = time.monotonic() - begin
            report.check("when its time is over" if signals == 1 else "at once, if asked again",
                         3 <= took < 6 if signals == 1 else took < 2.5, took)
            report.check("it says what it does", "rebuilder: leaving: the health check fails" in said.read_text(), said.read_text())
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            manager.close()


def clocks(report, binary, folder, stepped_clock):
    """The wall clock is set, and then all of the process stands still for a while, as a machine that is suspended does."""
    manager, port, step = Manager(folder), free_port(), Path(folder) / "seconds"
    said = Path(folder) / "clock.err"
    process = start(binary, manager, port, said, "--admin-listen", "none", LD_PRELOAD=stepped_clock, STEPPED_CLOCK=str(step),
                    ASAN_OPTIONS=f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0")
    try:
        report.check("it is ready, with a clock that can be set", within(20, lambda: "READY=1" in manager.heard()) is not None)
        for seconds in (3600, -3600):
            step.write_text(str(seconds))
            time.sleep(0.5)
            manager.heard()
            report.check(f"the wall clock is set by {seconds} s: it is alive", manager.heard(2.6).count("WATCHDOG=1") in (2, 3))
            report.equal("and well", (200, "OK"), health(port))
        with Stopped(worker_thread(process.pid)):
            report.check("a stuck worker is seen all the same", within(5, lambda: health(port)[0] == 503) is not None)
        report.check("and that it works again", within(3, lambda: health(port) == (200, "OK")) is not None)

        process.send_signal(signal.SIGSTOP)
        time.sleep(6)
        manager.heard()
        process.send_signal(signal.SIGCONT)
        beats = manager.heard(2.5).count("WATCHDOG=1")
        report.check("what it does each second isn't made up for after a pause", 1 <= beats <= 4, beats)
        process.send_signal(signal.SIGTERM)
        report.equal("it ends with status 0", 0, process.wait(20))
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        manager.close()


def run(report, binary, folder):
    manager, port = Manager(folder), free_port()
    said = Path(folder) / "rebuilder.err"
    process = start(binary, manager, port, said, "--admin-listen", "none")
    try:
        report.check("it says that it is ready", within(20, lambda: "READY=1" in manager.heard()) is not None)
        report.check("and then, each second, that it is alive", manager.heard(2.6).count("WATCHDOG=1") in (2, 3))
        report.equal("an output that is down doesn't fail the health check", (200, "OK"), health(port))

        with Stopped(worker_thread(process.pid)):
            taken = within(5, lambda: health(port)[0] == 503)
            report.check("a stuck worker fails it within 3 s", taken is not None and taken < 3, taken)
            report.equal("with the reason", (503, "worker 0 is stuck"), health(port))
            manager.heard()
            report.check("and the service manager hears nothing more", "WATCHDOG=1" not in manager.heard(2))
        report.check("it is well again when the worker is", within(3, lambda: health(port) == (200, "OK")) is not None)
        report.check("and heard again", "WATCHDOG=1" in manager.heard(1.6))
        report.check("both are logged", all(line in said.read_text() for line in (
            "rebuilder: worker 0 is stuck", "rebuilder: every worker works again")), said.read_text())

        process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        heard = manager.heard(0.5)
        report.check("a reload is told to the service manager", "RELOADING=1" in heard and "READY=1" in heard, heard)
        process.send_signal(signal.SIGTERM)
        report.equal("it ends with status 0", 0, process.wait(20))
        report.check("and says that it stops", "STOPPING=1" in manager.heard(0.1))
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        manager.close()


def main(binary, stepped_clock):
    if os.geteuid() != 0:
        print("skipped: stopping one thread of a process needs root")
        return SKIP
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        run(report, binary, folder)
        lame_duck(report, binary, folder)
        clocks(report, binary, folder, stepped_clock)
    return report.close()


if __name__ == "__main__":
    sys.exit(main(*map(os.path.abspath, sys.argv[1:3])))
