# SPDX-License-Identifier: Apache-2.0
"""What a run folder says: the logs of origins and nodes joined request by request, the instances' ledgers added up.

    facts = Facts(folder)       reads all of it; what isn't there is empty
"""

import collections
import functools
import json
import math
import re
from pathlib import Path

from . import ROOT, logs, waf
from .traffic import PROBE

BARE = ("GET", "HEAD", "DELETE", "OPTIONS")  # without a body: how long that takes to come is up to the client
# Counters of requests that no node saw, or saw cut, by how their names begin.
REASONS = ("requests_lost_", "requests_denied", "requests_not_", "requests_over_rate", "requests_absent", "requests_truncated",
           "shed_", "unforwardable_", "failed_")
# Counters of frames and bytes that say why requests were lost.
CAUSES = ("frame_outer_", "frame_tunnel_", "frame_vni_", "frame_inner_", "frame_fragment_", "frame_while_draining", "tcp_gaps",
          "tcp_gap_bytes", "tcp_truncated_segments", "tcp_held_", "flows_midstream", "flows_evicted", "streams_http2_midstream",
          "http2_lost_", "answered_4xx", "answered_5xx", "retries", "connect_failures")
NAMED = re.compile(r"^\| `(\w+)` \| (\w+) \| (.*) \|$", re.MULTILINE)


def document(path, empty):
    """A JSON file; `empty`, where there is none."""
    return json.loads(path.read_text()) if path.exists() else empty


def meanings():
    """Counter -> (unit, what it means), as README.md has them."""
    return {name: (unit, text) for name, unit, text in NAMED.findall((ROOT / "README.md").read_text())}


def quantile(ordered, share):
    """The value at that share of sorted values: the nearest rank."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def began(entry, ended):
    """When a request's first byte was there; what is logged is its end, in seconds."""
    return float(entry[ended]) - float(entry["took"])


class Ledgers:
    """The counters of all instances together, those that were started again included."""

    def __init__(self, folder, live=()):
        self.counters, self.laws, self.broken, self.instances = collections.Counter(), 0, [], set()
        self.live = bool(live)
        final = [(path.name.partition(".")[0], document(path, None)) for path in sorted(folder.glob("rebuilder*.ledger.json"))]
        for name, ledger in [*final, *live]:
            self.instances.add(name.partition("-")[0])
            # While an instance runs, connections are open that no counter has yet.
            laws = [law for law in ledger["laws"] if (name, ledger) not in live or "flows" not in law["name"]]
            self.counters.update(ledger["counters"])
            for output in ledger["outputs"]:
                if output["output"].startswith("http"):
                    self.counters.update(output["counters"])
            self.laws += len(laws)
            self.broken += [f"{name}: {law['name']}: {law['left']} and {law['right']}" for law in laws if not law["holds"]]

    def nonzero(self, beginnings):
        return {name: count for name, count in self.counters.items() if count and name.startswith(beginnings)}


class Facts:
    def __init__(self, folder, live=()):
        self.folder = folder = Path(folder)
        self.runs = document(folder / "traffic.json", {"runs": []})["runs"]
        self.attacks = document(folder / "attacks.json", None)
        self.faults = document(folder / "faults.json", [])
        self.soak = document(folder / "soak.json", None)
        self.ledgers = Ledgers(folder, live)
        self.meanings = meanings()
        self.served, self.received = list(logs.served(folder)), list(waf.received(folder))
        self.detections = waf.detections(folder)
        self.samples = {path.name.partition(".")[0]: list(logs.lines(path))
                        for path in sorted(folder.glob("rebuilder*.samples.jsonl"))}
        self.instances = max([len(self.ledgers.instances), *(run["instances"] for run in self.runs)], default=0)
        nodes = len(list(folder.glob("waf[0-9]*/requests.jsonl")))
        self.waf_nodes = max([nodes, *(run["waf_nodes"] for run in self.runs)])

    # ---- served by origins, arrived at nodes ----

    def of_traffic(self, entries):
        """The keys of those entries that belong to runs of traffic, as often as each is there."""
        runs = tuple(f"{run['run']}-" for run in self.runs)
        return collections.Counter(name for entry in entries if (name := logs.key(entry)).startswith(runs))

    def joined(self):
        return logs.join(self.of_traffic(self.served), self.of_traffic(self.received))

    def by_kind(self):
        """kind -> what was sent, answered, served, arrived, detected; and what the clients said of trouble."""
        kinds = {}
        for run in self.runs:
            for kind, count in run["kinds"].items():
                row = kinds.setdefault(kind, collections.Counter(sent=0, answered=0) | {"what": count["what"], "trouble": []})
                row["sent"] += count["sent"] or 0
                row["answered"] += count["answered"] or 0
                row["trouble"] += count["trouble"]
        served, received = self.of_traffic(self.served), self.of_traffic(self.received)
        for name, counter in (("served", served), ("arrived", served & received)):
            for key, count in counter.items():
                row = kinds.get(logs.kind(key))
                if row is not None:
                    row[name] = row.get(name, 0) + count
        for key in self.detections:
            if (row := kinds.get(logs.kind(key))) is not None and key in received:
                row["detected"] = row.get("detected", 0) + 1
        return kinds

    def truncated(self):
        """Requests of the traffic whose body --max-body cut."""
        return sum(bool(entry["truncated"]) for entry in self.received if logs.key(entry) in self.traffic_keys())

    @functools.cache
    def traffic_keys(self):
        return self.of_traffic(self.received)

    # ---- how long it took ----

    def latencies(self, is_probe):
        """Sorted milliseconds, of requests of the traffic that have no body and came once: from when the request reached
        the origin until its copy reached the node. `is_probe`: those that were sent one at a time, or the others."""
        at_origin, at_node = {}, {}
        for entries, times in ((self.served, at_origin), (self.received, at_node)):
            counted = self.of_traffic(entries)
            for entry in entries:
                if entry["method"] in BARE and counted[name := logs.key(entry)] == 1:
                    times[name] = entry
        # The logs have whole milliseconds; what is within one may seem to be the other way round.
        return sorted(max(0.0, 1000 * (began(at_node[name], "time") - began(entry, "ts")))
                      for name, entry in at_origin.items() if name in at_node and (logs.kind(name) == PROBE) == is_probe)

    def node_times(self):
        """Sorted milliseconds that the nodes needed for the requests of the traffic."""
        return sorted(1000 * float(entry["took"]) for entry in self.received if logs.key(entry) in self.traffic_keys())

    # ---- what it cost ----

    def cpu(self):
        """component -> (CPU seconds, microseconds a request that arrived), over the runs of traffic."""
        used, requests = collections.Counter(), self.joined().both
        for run in self.runs:
            for host, seconds in run["cpu"].items():
                used[host.rstrip("0123456789")] += seconds
        return {name: (seconds, seconds / requests * 1e6 if requests else None) for name, seconds in used.items()}

    # ---- over time ----

    def per_second(self):
        """(name, points) of requests a second by the minute: served and arrived, whatever sent them."""
        times = {"served by origins": [float(entry["ts"]) for entry in self.served],
                 "arrived at nodes": [float(entry["time"]) for entry in self.received]}
        start = self.start()
        series = []
        for name, moments in times.items():
            counted = collections.Counter(int(moment - start) for moment in moments)
            if counted:
                series.append((name, [(second / 60, counted[second]) for second in range(max(counted) + 1)]))
        return series

    def start(self):
        return min((float(entry["ts"]) for entry in self.served), default=0)

    def rules(self, most=12):
        """The rules that found most: (rule, requests)."""
        return collections.Counter(rule for rules in self.detections.values() for rule in rules).most_common(most)
