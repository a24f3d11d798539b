# SPDX-License-Identifier: Apache-2.0
"""One fault being done: its clients, its window, what it has to undo. For the functions of actions.py; faults.py judges it."""

import collections
import json
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from lab import wait_until

from . import accounts, instances

BEFORE_S = 1.5  # of traffic in front of the fault
GAP_S = 1.5     # longer than a hole is waited for: by then a part of a request is rebuilt or given up


@dataclass
class Step:
    """One fault being done, for the functions of actions.py."""
    topology: object
    fault: object
    is_short: bool
    rate: float
    targets: object = None
    process: object = None
    log: object = None
    begin: float = 0.0
    end: float = 0.0
    skipped: str = ""
    waiting: int = 0
    frames_dropped: int = 0
    ends: dict = field(default_factory=dict)
    mirrored: collections.Counter = field(default_factory=collections.Counter)
    proofs: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    undo: list = field(default_factory=list)

    def __post_init__(self):
        self.targets = instances.Targets(self.topology)
        # How the ids of its requests begin.
        self.run = f"{self.fault.name.replace('-', '_')}_{int(time.time() * 1000):x}-"
        self.log = self.topology.dir / f"fault-{self.fault.name}.clients.jsonl"
        self.log.unlink(missing_ok=True)

    def length(self, long, short):
        return short if self.is_short else long

    def running(self):
        return instances.running(self.topology)

    def spare(self):
        return next(each for each in instances.all_instances(self.topology) if not each.pid)

    def victim(self):
        return self.running()[-1]

    def clients(self):
        """Everything is counted from here on."""
        self.before = accounts.Snapshot(self.topology)
        self.process = start_clients(self.topology, self.run[:-1], self.rate, 180, self.log)
        time.sleep(BEFORE_S)

    def clients_end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)

    def harm(self):
        """The window begins. What waits in an instance then may be lost with it."""
        stati = [status for each in self.running() if (status := each.get("/status.json"))]
        self.waiting = sum(output["waiting"] + output["connections"] for status in stati for output in status["outputs"])
        self.begin = time.time()

    def healed(self):
        self.end = time.time()

    def proof(self, text, holds):
        self.proofs.append((text, holds))

    def note(self, text):
        self.notes.append(text)

    def skip(self, why):
        self.skipped = why

    def afterwards(self, undo):
        self.undo.append(undo)

    def ended(self, instance, ledger=True):
        self.ends[instance.address] = json.loads(instance.ledger_file.read_text()) if ledger else None

    def remove(self, instance):
        self.targets.deregister(instance)
        self.targets.wait(instance, "removed")
        time.sleep(GAP_S)
        instance.stop()

    def bring_back(self, instance):
        instance.start()
        self.targets.register(instance)
        self.targets.wait(instance, "healthy")

    def restart(self, instance):
        self.remove(instance)
        self.bring_back(instance)

    def reconfigure(self, instance, **changes):
        """Another configuration, read while it runs."""
        before = len(instance.said())
        instance.configure(**changes)
        instance.signal(signal.SIGHUP)
        wait_until(lambda: "reload" in instance.said(before), 10, f"{instance.name} answers to SIGHUP")

    def kernel_mirrors(self):
        for origin in self.topology.origins:
            self.topology.set_mirror_rules(origin, 'meta l4proto tcp dup to "vx0"')


def start_clients(topology, run, rate, seconds, log, *kinds):
    return topology.clients.start(
        ["node", Path(__file__).parent / "steady.js", run, rate, seconds, log, topology.origin1.address,
         f"[{topology.origin2.address6}]", *kinds], topology.dir / "steady.log")
