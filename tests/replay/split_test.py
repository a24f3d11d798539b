#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A capture split over four rebuilders by the outer 5-tuple, as a load balancer splits a mirror over instances:
together they print what one would have printed. Once with both directions of a connection on the same outer source
port, as AWS mirrors, and once on ports of their own, so that an instance sees halves of connections.

    split_test.py REBUILDER FIXTURES_DIRECTORY
"""

import collections
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
import synthetic  # noqa: E402
import transform  # noqa: E402
from capture import read_pcap, write_pcap  # noqa: E402
from replay import replay  # noqa: E402

INSTANCES = 4


def replayed(rebuilder, frames, folder):
    """The records, and what is wrong."""
    capture = folder / "frames.pcap"
    write_pcap(capture, frames)
    run = replay(rebuilder, [capture], folder / "ledger.json")
    return run, run.problems + [f"exit status {run.status}"] * (run.status != 0)


def check(rebuilder, frames, folder):
    """What is wrong with the split of one capture; nothing, if all is well."""
    whole, problems = replayed(rebuilder, frames, folder)
    together, busy, segments = collections.Counter(), 0, 0
    for pile in transform.split(frames, INSTANCES):
        run, found = replayed(rebuilder, pile, folder)
        together += run.multiset()
        problems += found
        busy += run.counters["requests_rebuilt"] > 0
        segments += run.counters["segments"]
    if together != whole.multiset():
        problems.append(f"{len(whole.records)} records from one instance, {sum(together.values())} from {INSTANCES}")
    if busy < INSTANCES:
        problems.append(f"only {busy} instances have requests: this is no test")
    if segments != whole.counters["segments"]:
        problems.append(f"{whole.counters['segments']} segments in the whole, {segments} in its parts")
    return problems


def halves(frames):
    """How many connections have their two directions on different instances."""
    seen = collections.defaultdict(set)
    for number, pile in enumerate(transform.split(frames, INSTANCES)):
        for _, data in pile:
            if segment := transform.tcp_of(transform.parts(data).frame):
                seen[frozenset(segment[:2])].add(number)
    return sum(len(instances) == 2 for instances in seen.values())


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    captures = {  # and how many connections are in halves once the directions may part
        "real-clients, one way": (read_pcap(Path(sys.argv[2]) / "real-clients.pcap")[0], range(1)),
        "2,000 generated requests": (synthetic.traffic(4).frames, range(100, 200)),
    }
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for name, (frames, in_halves) in captures.items():
            modes = (("directions together", frames, range(1)),
                     ("directions apart", transform.port_per_direction(frames), in_halves))
            for mode, spread, wanted in modes:
                problems = check(sys.argv[1], spread, Path(scratch))
                if halves(spread) not in wanted:
                    problems.append(f"{halves(spread)} connections in halves")
                print(f"{'FAIL' if problems else 'ok  '} {name}, {mode}", *problems, sep="\n       ")
                failed += bool(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
