# SPDX-License-Identifier: Apache-2.0
"""What the whole laboratory did between two moments: requests served, delivered and lost, frames sent and received, and
what the instances' counters say of it.

    before = Snapshot(topology)
    ...
    settle(before)
    spent = Spent(before, Snapshot(topology))
"""

import collections
import time
from pathlib import Path

from . import instances, logs, origins

# Requests that an instance knows it did not deliver, by the counters' names: the workers', and the http output's.
LOST = "requests_lost_"
UNDELIVERED = tuple(f"output.{name}" for name in ("shed_", "failed_", "unforwardable_", "answered_5xx"))
SHOWN = (LOST, *UNDELIVERED, "tcp_gaps", "flows_midstream", "streams_http2_midstream", "http2_lost_to_gap", "output.retries",
         "tcp_truncated_segments", "tcp_out_of_order_segments", "frame_while_draining", "log.failed_write")
OPEN_LAWS = ("flows opened", "requests started")
SETTLED_S = 2.5  # without a change: longer than holes are waited for


class Snapshot:
    """Everything that is counted, at this moment."""

    def __init__(self, topology):
        self.topology, self.time = topology, time.time()
        self.origin_logs = origins.mark(topology.dir)
        self.node_logs = {path: path.stat().st_size for path in node_logs(topology.dir)}
        self.sent = instances.Targets(topology).sent()
        self.ledgers, self.missed = {}, {}
        for each in instances.running(topology):
            if (ledger := each.get("/ledger")) and (status := each.get("/status.json")):
                self.ledgers[each.address] = ledger
                self.missed[each.address] = sum(port["missed"] for port in status["ports"])
        self.kernel_drops = kernel_drops()

    def served(self, only=""):
        """Whole requests that the origins have logged since; `only` those of ids that begin so."""
        return [entry for entry in origins.served(self.topology.dir, self.origin_logs) if logs.key(entry).startswith(only)]

    def delivered(self, only=""):
        """Which requests the nodes have logged since, and how often."""
        return collections.Counter(key for path in node_logs(self.topology.dir)
                                   for entry in logs.lines(path, self.node_logs.get(path, 0))
                                   if (key := logs.key(entry)).startswith(only))


def node_logs(folder):
    return sorted(Path(folder).glob("waf[0-9]*/requests.jsonl"))


def kernel_drops():
    """Frames that the machine's kernel dropped between two namespaces, as its queues were full."""
    return sum(int(line.split()[1], 16) for line in Path("/proc/net/softnet_stat").read_text().splitlines())


def flat(ledger):
    """The workers' counters, and each output's with "output." (http) or "log." (jsonl) in front."""
    found = collections.Counter(ledger["counters"])
    for output in ledger["outputs"]:
        kind = "output" if output["output"].startswith("http") else "log"
        found.update({f"{kind}.{name}": count for name, count in output["counters"].items()})
    return found


class Spent:
    """The differences; of requests `only` those whose ids begin so. `ended`: instances that ended in between, by address:
    their last ledger, or None if they were killed and so left none."""

    def __init__(self, before, after, ended=None, only=""):
        self.before, self.after, self.ended = before, after, ended or {}
        self.served, self.delivered = before.served(only), before.delivered(only)
        want = collections.Counter(map(logs.key, self.served))
        self.lost, self.extra = want - self.delivered, self.delivered - want
        self.by_instance = {address: self._of(address) for address in {*after.ledgers, *self.ended}}
        self.counters = collections.Counter()
        for own in self.by_instance.values():
            self.counters.update(own)
        self.sent = {address: count - before.sent.get(address, 0) for address, count in after.sent.items()}

    def _of(self, address):
        """What an instance counted in between, over all processes that it was."""
        first, last = self.before.ledgers.get(address), self.after.ledgers.get(address)
        own = collections.Counter(flat(last) if last else {})
        if self.ended.get(address):
            own.update(flat(self.ended[address]))
        if first and (address not in self.ended or self.ended[address]):
            own.subtract(flat(first))
        return own

    def total(self, *prefixes):
        return sum(count for name, count in self.counters.items() if name.startswith(prefixes))

    def undelivered(self):
        """Requests that the instances say they lost, or could not deliver."""
        return self.total(LOST, *UNDELIVERED)

    def shown(self):
        """The counters that tell of losses, and aren't zero."""
        return {name: count for name, count in sorted(self.counters.items()) if count and name.startswith(SHOWN)}

    def missed(self):
        return sum(count - self.before.missed.get(address, 0) for address, count in self.after.missed.items()
                   if address not in self.ended)

    def frames_unaccounted(self):
        """Of each instance that lived from one snapshot to the other: mirrored frames that the balancer sent it, less
        those that it received or missed. Nothing, or frames got lost and nobody said so."""
        found = {}
        for address in self.after.ledgers.keys() & self.before.ledgers.keys() & self.sent.keys() - self.ended.keys():
            own = self.by_instance[address]
            missed = self.after.missed[address] - self.before.missed[address]
            if rest := self.sent[address] - (own["frames"] - own["frame_not_tunnel"]) - missed:
                found[address] = rest
        return found

    def dropped_by_kernel(self):
        return self.after.kernel_drops - self.before.kernel_drops

    def broken_laws(self):
        """Of an instance that runs, flows may be open, and in them requests whose rest went to another instance: so much the
        left side of two laws may be ahead."""
        broken = []
        for address, ledger in self.after.ledgers.items():
            broken += [f"{address}: {text}" for law, text in unbalanced(ledger)
                       if not law["name"].startswith(OPEN_LAWS) or law["left"] < law["right"]]
        for address, ledger in self.ended.items():
            broken += [f"{address}, at its end: {text}" for _, text in unbalanced(ledger or {"laws": []})]
        return broken


def unbalanced(ledger):
    """The laws that don't hold, each with a text."""
    return [(law, f"{law['name']}: {law['left']} is not {law['right']}") for law in ledger["laws"] if not law["holds"]]


def settle(before, seconds=20, only=""):
    """Waits until what was served is delivered, or nothing more comes."""
    end, still, last = time.monotonic() + seconds, time.monotonic(), None
    while time.monotonic() < end:
        now = len(before.served(only)), before.delivered(only).total()
        if now != last:
            last, still = now, time.monotonic()
        quiet = time.monotonic() - still
        if quiet > SETTLED_S or (now[1] >= now[0] and quiet > 0.5):
            return
        time.sleep(0.3)
