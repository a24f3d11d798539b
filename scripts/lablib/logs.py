# SPDX-License-Identifier: Apache-2.0
"""Logs of lines of JSON, and what joins them: the origins' say what was served, the nodes' what arrived.

    joined = join(served, received)
    joined.missing, joined.extra        Counters of keys

Most requests have an id of their own, X-Lab-Id. Clients that can't give one (h2load) have it in their target, where it
may stand for several requests: so they are counted, not looked up.
"""

import collections
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

IN_TARGET = re.compile(r"[?&]lab=([\w.-]+)")


def lines(path, since=0):
    """The entries of a log from that byte on; a last line that isn't written to its end yet is left out. Bytes are read as
    Latin-1."""
    path = Path(path)
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(since)
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            if line.startswith(b"{"):
                try:
                    yield json.loads(line.decode("latin-1"))
                except ValueError as error:
                    behind = f" behind byte {since}" if since else ""
                    raise ValueError(f"{path}, line {number}{behind}: {error}") from error


def key(entry):
    """What a request is known by: its id, or that in its target, or method and target."""
    if entry.get("id"):
        return entry["id"]
    found = IN_TARGET.search(entry.get("uri", ""))
    return found[1] if found else f"{entry.get('method')} {entry.get('uri')}"


def kind(name):
    """Ids are RUN-KIND-NUMBER."""
    parts = name.split("-")
    return parts[1] if len(parts) >= 3 else "other"


def served(folder):
    """What the origins took and answered: one entry a request. They answer 200 to whatever is a whole request to them."""
    for path in sorted(Path(folder).glob("origin[0-9]*.access.jsonl")):
        for entry in lines(path):
            if entry["whole"] and int(entry["status"]) < 400:
                yield entry | {"origin": path.name.partition(".")[0]}


@dataclass
class Joined:
    both: int = 0
    missing: collections.Counter = field(default_factory=collections.Counter)  # served, not seen by a node
    extra: collections.Counter = field(default_factory=collections.Counter)    # seen more often than served


def join(there, here):
    """Which of `there` are `here`, each as often as it is there. Both are Counters of keys."""
    return Joined((there & here).total(), there - here, here - there)
