# SPDX-License-Identifier: Apache-2.0
"""`rebuilder` as a process that is watched: to its end, or while it runs. What it said, its books, its memory."""

import json
import re
import signal
import subprocess
import time
from pathlib import Path

from lab import environment

SKIP = 77  # what meson takes for a skipped test
STATED = re.compile(r"at most (\d+) MiB")
OUTCOMES = ("answered_", "failed_", "written")  # how the names of these counters begin
SHED = ("shed_queue_full", "shed_quota", "shed_no_memory")


class Books:
    """A ledger: of a run that has ended, or as it stands."""

    def __init__(self, text):
        self.all = json.loads(text) if text else {}
        self.worker = self.all.get("counters", {})

    def output(self, number=0):
        outputs = self.all.get("outputs", [])
        return outputs[number]["counters"] if number < len(outputs) else {}

    def broken(self):
        """The laws that don't hold; nothing, if all do and there are some."""
        laws = self.all.get("laws") or [{"name": "no laws", "holds": False, "left": None, "right": None}]
        return [law for law in laws if not law["holds"] or law["left"] != law["right"]]

    def outcomes(self, number=0):
        """What became of the requests that were handed off: those counters that aren't zero."""
        counters = self.output(number)
        return {name: count for name, count in counters.items() if count and name.startswith(OUTCOMES)}

    def shed(self, number=0):
        return sum(self.output(number).get(name, 0) for name in SHED)


class Program:
    """A rebuilder from its start to its end."""

    def __init__(self, folder, binary, command, *arguments):
        self.command = command
        self.ledger_file = folder / "ledger.json"
        self.ledger_file.unlink(missing_ok=True)
        self.stderr_file = folder / "rebuilder.err"
        self.begin = time.monotonic()
        with self.stderr_file.open("wb") as stderr:
            self.process = subprocess.Popen(
                [binary, command, *map(str, arguments), "--ledger", self.ledger_file], env=environment(),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)
        self.peak_kib = 0

    def finish(self, seconds=60):
        """Waits, for that long. Gives itself."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            # Sampled, as the peak of wait4() has that of this process in it, from before the exec.
            self.peak_kib = memory_kib(self.process.pid, "VmHWM") or self.peak_kib
            if time.monotonic() > end:
                self.process.kill()
            time.sleep(0.002)
        self.status = self.process.returncode
        self.seconds = time.monotonic() - self.begin
        self.books = Books(self.ledger_file.read_text() if self.ledger_file.exists() else "")
        return self

    def stop(self, seconds=20):
        self.process.send_signal(signal.SIGTERM)
        return self.finish(seconds)

    def kill(self):
        """If it still runs: a test has failed."""
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()

    def said(self):
        return self.stderr_file.read_text(errors="replace")

    def is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"rebuilder ended with status {self.process.returncode}: {self.said()}")
        return any(line.startswith("rebuilder: ready") for line in self.said().splitlines())

    def stated_mib(self):
        """The memory that it says it will not exceed; None, when it says nothing."""
        stated = STATED.search(self.said())
        return int(stated[1]) if stated else None


def memory_kib(pid, what="VmRSS"):
    """0 for a process that is gone."""
    try:
        found = re.search(rf"{what}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    except (FileNotFoundError, ProcessLookupError):
        found = None
    return int(found[1]) if found else 0


def knows(binary, option):
    """Whether this build has the option."""
    done = subprocess.run([binary, "run", "--help"], capture_output=True, text=True, timeout=20)
    return f"{option} " in done.stdout
