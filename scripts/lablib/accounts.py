# SPDX-License-Identifier: Apache-2.0
"""What the whole laboratory did between two moments: requests served, delivered and lost, frames sent and received, and
what the instances' counters say of it.

    before = Snapshot(topology)
    ...
    settle(topology, before)
    spent = Spent(before, Snapshot(topology))
"""

import collections
import time

from . import instances, origins
from .waf import received

# Requests that an instance knows it did not deliver, by the counters' names: the worker's and the output's.
LOST = ("requests_lost_",)
UNDELIVERED = ("shed_", "failed_", "unforwardable_", "answered_5xx")
SETTLED_S = 2.5  # without a change: longer than holes are waited for, and most retries


class Snapshot:
    def __init__(self, topology):
        self.time = time.time()
        self.served_until = origins.mark(topology.dir)
        self.delivered = collections.Counter(entry["id"] for entry in received(topology.dir))
        self.sent = instances.Targets(topology).sent()
        self.ledgers = {each.address: ledger for each in instances.all_instances(topology)
                        if each.pid and (ledger := each.get("/ledger"))}
        self.missed = {each.address: missed_of(each) for each in instances.all_instances(topology) if each.pid}
        self.topology = topology


def missed_of(instance):
    status = instance.get("/status.json")
    return sum(port["missed"] for port in status["ports"]) if status else 0


def flat(ledger):
    """The worker's counters, and those of the http output with its name in front: both have requests."""
    found = collections.Counter(ledger["counters"])
    for output in ledger["outputs"]:
        if output["output"].startswith("http"):
            found.update({f"output.{name}": count for name, count in output["counters"].items()})
        else:
            found.update({f"log.{name}": count for name, count in output["counters"].items()})
    return found


class Spent:
    """The differences. `ended`: the last ledgers of instances that ended in between, by address."""

    def __init__(self, before, after, ended=None):
        self.before, self.after = before, after
        self.served = origins.served(after.topology.dir, before.served_until)
        self.delivered = after.delivered - before.delivered
        want = collections.Counter(entry["id"] for entry in self.served)
        self.lost = want - self.delivered
        self.extra = self.delivered - want
        ended = ended or {}
        self.counters, self.by_instance = collections.Counter(), {}
        for address in {*after.ledgers, *ended}:
            last, first = after.ledgers.get(address), before.ledgers.get(address)
            own = collections.Counter()
            if address in ended:  # it may have been started again: then `last` is all the new one's
                own.update(flat(ended[address]))
                own.update(flat(last) if last else {})
            else:
                own.update(flat(last))
            own.subtract(flat(first) if first else {})
            self.by_instance[address] = own
            for name, count in own.items():
                self.counters[name] += count
        self.sent = {address: count - before.sent.get(address, 0) for address, count in after.sent.items()}

    def total(self, *prefixes):
        return sum(count for name, count in self.counters.items() if name.startswith(prefixes))

    def undelivered(self):
        """Requests that the instances say they lost, or could not deliver."""
        return self.total(*LOST, *(f"output.{name}" for name in UNDELIVERED))

    def reasons(self):
        names = (*LOST, *(f"output.{name}" for name in UNDELIVERED), "tcp_gaps", "flows_midstream", "streams_http2_midstream",
                 "http2_lost_to_gap", "tcp_truncated_segments", "frame_while_draining", "output.retries")
        return {name: count for name, count in sorted(self.counters.items()) if count and name.startswith(names)}

    def frames_unaccounted(self):
        """Of each instance that lived from one snapshot to the other: mirrored frames that the balancer sent it, less
        those that it received or missed. 0, or something lost frames and nobody said so."""
        found = {}
        for address, ledger in self.after.ledgers.items():
            if address in self.before.ledgers and address in self.sent and not self._restarted(address):
                own = self.by_instance[address]
                received = own["frames"] - own["frame_not_tunnel"]
                missed = self.after.missed.get(address, 0) - self.before.missed.get(address, 0)
                found[address] = self.sent[address] - received - missed
        return found

    def _restarted(self, address):
        return self.after.ledgers[address]["counters"]["frames"] < self.before.ledgers[address]["counters"]["frames"]

    def broken_laws(self):
        """Of the request part; flows are still open while an instance runs."""
        return [f"{address}: {law['name']}: {law['left']} != {law['right']}" for address, ledger in self.after.ledgers.items()
                for law in ledger["laws"] if not law["holds"] and "flows" not in law["name"]]


def settle(topology, before, seconds=20):
    """Waits until what was served is delivered, or nothing more comes."""
    end, still, last = time.monotonic() + seconds, time.monotonic(), None
    while time.monotonic() < end:
        delivered = sum(1 for _ in received(topology.dir)) - before.delivered.total()
        served = len(origins.served(topology.dir, before.served_until))
        if (served, delivered) != last:
            last, still = (served, delivered), time.monotonic()
        quiet = time.monotonic() - still
        if quiet > SETTLED_S or (delivered >= served and quiet > 0.5):
            return
        time.sleep(0.1)
