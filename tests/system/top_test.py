#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`rebuilder top` beside a running rebuilder: as a script reads it, and on a terminal, which it leaves as it was however it
is ended. Needs no root.

    top_test.py REBUILDER
"""

import contextlib
import fcntl
import http.server
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from alb import free_port
from http_answers import Answering, running
from report import Report

ENTER, LEAVE, COLOUR = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[1;31m"
SENTENCE = "but none is tunnel traffic."


@contextlib.contextmanager
def appliance(rebuilder, folder, port):
    """One that gets frames, of zeros."""
    with open(Path(folder) / "err", "wb") as err:
        process = subprocess.Popen([rebuilder, "run", "--input", "vdev:net_null0,size=128", "--output", "null", "--health-listen",
                                    "none", "--admin-listen", f"127.0.0.1:{port}", "--lock-memory", "never"], stderr=err)
    try:
        end = time.monotonic() + 20
        while b"rebuilder: ready" not in (Path(folder) / "err").read_bytes():
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((Path(folder) / "err").read_text())
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def other_server(status, body):
    class Handler(Answering):
        def do_GET(self):
            self.answer(status, body)

    with running(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield server.server_port


class OnTerminal:
    """It runs on a terminal of its own, of 100 columns and 40 lines."""

    def __init__(self, rebuilder, *arguments, **environment):
        self.ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self.before = termios.tcgetattr(self.theirs)
        base = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        self.process = subprocess.Popen([rebuilder, "top", *arguments], stdin=self.theirs, stdout=self.theirs, stderr=self.theirs,
                                        env=base | {"TERM": "xterm", "LC_ALL": "C.UTF-8"} | environment, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY))
        self.seen = b""

    def until(self, text, seconds=10):
        """Reads until that is there. Gives whether it came."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            if not select.select([self.ours], [], [], max(0, end - time.monotonic()))[0]:
                return False
            self.seen += os.read(self.ours, 65536)
        return True

    def end(self, seconds=5):
        """Its exit status, with what it still had to say."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        while select.select([self.ours], [], [], 0.1)[0]:
            self.seen += os.read(self.ours, 65536)
        self.after = termios.tcgetattr(self.theirs)
        os.close(self.ours)
        os.close(self.theirs)
        return status


def as_a_script(report, rebuilder, url):
    def run(*arguments):
        return subprocess.run([rebuilder, "top", *arguments], capture_output=True, text=True, timeout=20,
                              stdin=subprocess.DEVNULL, env=os.environ | {"COLUMNS": "120"})

    done = run("--url", url, "--once")
    report.equal("--once ends with 0", 0, done.returncode)
    report.check("it says what is wrong", SENTENCE in done.stdout, done.stdout)
    report.check("with rates", "frames/s" in done.stdout and "- frames/s" not in done.stdout, done.stdout)
    report.check("without sequences for terminals", "\x1b" not in done.stdout, done.stdout)
    report.check("no wider than asked for", max(map(len, done.stdout.splitlines())) <= 120)
    done = run("--url", url, "--count", "3", "--interval", "100ms")
    report.equal("--count 3 gives three screens", 3, done.stdout.count("WHERE IT WENT"))
    with subprocess.Popen([rebuilder, "top", "--url", url, "--interval", "100ms"], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        report.equal("it ends when nobody reads any more", 0, process.wait(10))

    done = run("--url", f"http://127.0.0.1:{free_port()}", "--once")
    report.equal("where nobody answers it ends with 1", 1, done.returncode)
    report.check("and says so", "nobody answers (no connection); is a rebuilder running" in done.stderr, done.stderr)
    for status, body, sentence in ((404, b"no", "answered with 404"), (200, b"<html>", "no snapshot of a rebuilder")):
        with other_server(status, body) as port:
            done = run("--url", f"http://127.0.0.1:{port}", "--once")
            report.check(f"another server: {sentence}", done.returncode == 1 and sentence in done.stderr, done.stderr)


def on_a_terminal(report, rebuilder, url):
    ways = {"q": lambda top: os.write(top.ours, b"q"), "Ctrl-C": lambda top: os.write(top.ours, b"\x03"),
            "SIGTERM": lambda top: top.process.terminate()}
    for name, way in ways.items():
        top = OnTerminal(rebuilder, "--url", url, "--interval", "200ms")
        report.check(f"{name}: it shows what is wrong first", top.until(SENTENCE.encode()), top.seen)
        way(top)
        report.equal(f"{name}: ends it with 0", 0, top.end())
        report.check(f"{name}: it had a page of its own, and left it", ENTER in top.seen and top.seen.rfind(LEAVE) > top.seen.rfind(ENTER))
        report.check(f"{name}: the cursor is back", top.seen.rfind(b"\x1b[?25h") > top.seen.rfind(b"\x1b[?25l") >= 0)
        report.equal(f"{name}: the keys are as they were", top.before, top.after)
    report.check("in colour", COLOUR in top.seen)
    report.check("with block characters", "█".encode() in top.seen)

    top = OnTerminal(rebuilder, "--url", url, "--count", "1", NO_COLOR="1", LC_ALL="C")
    report.equal("--count ends on a terminal, too", 0, top.end())
    report.check("NO_COLOR: no colours", COLOUR not in top.seen and b"\x1b[2m" not in top.seen, top.seen)
    report.check("LC_ALL=C: only ASCII", all(byte < 128 for byte in top.seen), top.seen)
    top = OnTerminal(rebuilder, "--url", url, "--once", TERM="dumb")
    top.end()
    report.check("TERM=dumb: no sequences", b"\x1b" not in top.seen, top.seen)

    top = OnTerminal(rebuilder, "--url", url, "--interval", "200ms")
    top.until(SENTENCE.encode())
    os.write(top.ours, b"\x1a")
    _, status = os.waitpid(top.process.pid, os.WUNTRACED)
    report.check("Ctrl-Z stops it", os.WIFSTOPPED(status), status)
    report.check("and gives the terminal back", top.until(LEAVE, 2) and termios.tcgetattr(top.theirs) == top.before)
    top.seen = b""
    top.process.send_signal(signal.SIGCONT)
    report.check("in the foreground again it goes on", top.until(ENTER) and top.until(SENTENCE.encode()), top.seen)
    top.seen = b""
    fcntl.ioctl(top.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 40, 0, 0))
    time.sleep(0.5)
    top.until(b"\x1b[H")
    top.process.terminate()
    top.end()
    report.check("it takes another size", b"http://127.0.0.1" not in top.seen.split(b"\x1b[H")[-1], top.seen)


def main(rebuilder):
    report = Report()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        with appliance(rebuilder, folder, port):
            as_a_script(report, rebuilder, url)
            on_a_terminal(report, rebuilder, url)
            top = OnTerminal(rebuilder, "--url", url, "--interval", "200ms")
            top.until(SENTENCE.encode())
        report.check("it goes on when the rebuilder has ended, and says so", top.until(b"nobody answers"), top.seen[-300:])
        with appliance(rebuilder, folder, port):
            top.seen = b""
            report.check("and when it is there again", top.until(SENTENCE.encode()), top.seen[-300:])
            os.write(top.ours, b"q")
            report.equal("then q ends it as ever", 0, top.end())
    return report.close()


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1])))
