# SPDX-License-Identifier: Apache-2.0
"""One `rebuilder replay`: what it printed, and that its conservation laws hold."""

import collections
import json
import subprocess
from dataclasses import dataclass

SKIP = 77  # what meson takes for a skipped test
UNSELECTED = ("requests_denied", "requests_not_allowed", "requests_not_sampled", "requests_over_rate")
TIMEOUT_S = 60


@dataclass
class Replay:
    status: int
    records: list  # dictionaries
    counters: dict
    problems: list  # empty if all is well, whatever the status
    said: str

    def multiset(self, *without):
        """The records without their time, to be compared with those of another replay."""
        return collections.Counter(essence(record, *without) for record in self.records)


def essence(record, *without):
    return json.dumps({name: value for name, value in record.items() if name not in ("ts", *without)})


def replay(rebuilder, captures, ledger, *options):
    """Replays the captures, one after the other; `ledger` is a file to write and read."""
    ledger.unlink(missing_ok=True)
    run = subprocess.run([rebuilder, "replay", *captures, "--ledger", ledger, *options],
                         capture_output=True, timeout=TIMEOUT_S)
    said = run.stderr.decode(errors="replace").strip()
    problems, counters = [], {}
    if ledger.exists():
        written = json.loads(ledger.read_text())
        counters = written["counters"]
        problems += [f"law {law['name']!r} is broken: {law['left']} is not {law['right']}"
                     for law in written["laws"] if not law["holds"] or law["left"] != law["right"]]
        if not written["laws"]:
            problems.append("the ledger has no laws")
    elif run.returncode == 0:
        problems.append("no ledger")
    records = [json.loads(line) for line in run.stdout.splitlines()]
    selected = counters.get("requests_rebuilt", 0) - sum(counters.get(name, 0) for name in UNSELECTED)
    if ledger.exists() and selected != len(records):
        problems.append(f"{selected} requests rebuilt and selected, {len(records)} printed")
    return Replay(run.returncode, records, counters, problems, said)
