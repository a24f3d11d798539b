#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Replays captures as networks and other mirrors would have brought them (support/transform.py). What must not matter
doesn't: the records are the same, time apart. What loses bytes costs the requests it hits and no other: for generated
traffic (support/synthetic.py) exactly which ones is known, for captures of live programs the counters have to say it.

    transform_test.py REBUILDER FIXTURES_DIRECTORY [SEEDS]
"""

import collections
import concurrent.futures
import functools
import random
import sys
import tempfile
from fnmatch import fnmatch
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
import synthetic  # noqa: E402
import transform  # noqa: E402
from capture import read_pcap, write_pcap  # noqa: E402
from replay import essence, replay  # noqa: E402

SEEDS = 50                # for losses; of each a share of
LOSSES = (0.01, 0.05, 0.2)
ORDERS = 3                # seeds for what must not matter
CUTS = (100, 300, 1000, 1400)
HEADERS = 14 + 20 + 20    # of the inner frames of generated traffic
EXCLUDED = {
    "geneve*": "not the mirror's own tunnel",
    "plain-*": "no tunnel",
    "tcp-fin-with-data": "whether the server's ACK of a FIN is seen is its point",
    "vxlan-inner-tunnels": "inner headers that transform.py doesn't read",
    "vxlan-ip-options": "outer headers that transform.py doesn't read",
    "vxlan-outer-*": "outer headers that transform.py doesn't read",
    "vxlan-refused": "outer headers that transform.py doesn't read",
}
IN_ORDER = {
    "tcp-gap-*": "when a hole is given up is its point",
    "tcp-overlap": "which copy comes first is its point",
    "tcp-port-reuse": "which connection comes first is its point",
    "tcp-rst": "what is sent behind a RST is its point",
    "vxlan-cut": "holes are its point",
}
FIXED = {
    "VLAN": transform.vlan,
    "GENEVE": transform.geneve,
    "VXLAN in GENEVE": transform.vxlan_in_geneve,
    "outer IPv6": transform.outer_ipv6,
    "one direction": transform.one_direction,
    "inner fragments": transform.fragment_inner,
    "inner fragments behind a tag": lambda frames: transform.fragment_inner(transform.vlan(frames)),
    "outer fragments": transform.fragment_outer,
    "outer IPv6 fragments": lambda frames: transform.fragment_outer(transform.outer_ipv6(frames), 1280),
    "both in fragments": lambda frames: transform.fragment_outer(transform.fragment_inner(frames, 1000)),
}


def mixed(frames, rng):
    """One after the other, as they may meet a mirror's frames: at the source, then on the way."""
    frames = transform.vlan(transform.one_direction(frames))
    return transform.geneve(transform.duplicate(transform.reorder(frames, rng), rng))


SHUFFLED = {
    "reorder": transform.reorder,
    "all together": mixed,
    "inner fragments out of order": lambda frames, rng: transform.reorder(transform.fragment_inner(frames), rng),
    "outer fragments out of order": lambda frames, rng: transform.reorder(transform.fragment_outer(frames), rng),
}


def applies(table, name):
    return any(fnmatch(name, pattern) for pattern in table)


class Bench:
    """Replays frames with a rebuilder, and gathers what is wrong."""

    def __init__(self, rebuilder, name):
        self.rebuilder, self.name, self.problems, self.replays = rebuilder, name, [], 0
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = Path(self.scratch.name)

    def replay(self, what, frames):
        write_pcap(self.folder / "frames.pcap", frames)
        run = replay(self.rebuilder, [self.folder / "frames.pcap"], self.folder / "ledger.json")
        self.replays += 1
        self.expect(what, run.status == 0 and not run.problems, f"exit status {run.status}, {run.problems}")
        return run

    def expect(self, what, holds, found):
        if not holds:
            self.problems.append(f"{self.name}, {what}: {found}")

    def same(self, what, wanted, found):
        """Two multisets of records."""
        for word, rest in (("missing", wanted - found), ("extra", found - wanted)):
            self.expect(what, not rest, f"{sum(rest.values())} {word}, as {next(iter(rest), '')[:200]}")

    def result(self):
        self.scratch.cleanup()
        return self.replays, self.problems


def transparent(bench, frames, wanted, orders):
    """What doesn't change the records. `orders` is for how many seeds the order may change."""
    for what, change in FIXED.items():
        bench.same(what, wanted, bench.replay(what, change(frames)).multiset())
    for seed in range(ORDERS):
        twice = transform.duplicate(frames, random.Random(seed))
        bench.same(f"duplicate, seed {seed}", wanted, bench.replay("duplicate", twice).multiset())
    for seed in range(orders):
        for what, change in SHUFFLED.items():
            changed = change(frames, random.Random(seed))
            bench.same(f"{what}, seed {seed}", wanted, bench.replay(what, changed).multiset())
    answers = bench.replay("server's direction", transform.one_direction(frames, "server"))
    bench.expect("server's direction", answers.counters["requests_started"] == 0, "requests")


def check_fixture(path, rebuilder):
    """A capture in pcap-fixtures/: its records are those of NAME.expect (replay_test.py), and stay so."""
    bench = Bench(rebuilder, path.stem)
    frames, _ = read_pcap(path)
    untouched = bench.replay("untouched", frames)
    orders = 0 if applies(IN_ORDER, path.stem) else 4 * ORDERS if path.stem.startswith("real-") else ORDERS
    transparent(bench, frames, untouched.multiset(), orders)
    if path.stem.startswith("real-"):
        for seed in range(SEEDS):
            lossy(bench, frames, untouched, LOSSES[seed % len(LOSSES)], seed)
    return bench.result()


def lossy(bench, frames, untouched, share, seed):
    """Nothing is made up. What is missing was begun and counted as lost, or its beginning was in a frame that is gone,
    which leaves a hole, a connection without a SYN, or none at all."""
    what = f"{share:.0%} lost, seed {seed}"
    run = bench.replay(what, transform.drop(frames, random.Random(seed), share))
    bench.expect(what, not run.multiset() - untouched.multiset(), "records that the whole capture doesn't have")
    count, before = run.counters, untouched.counters
    lost = sum(value for name, value in count.items() if name.startswith("requests_lost_"))
    begun = count["requests_rebuilt"] + lost
    bench.expect(what, begun == count["requests_started"] <= before["requests_started"], "requests made up")
    seen_why = count["tcp_gaps"] or count["flows_midstream"] or count["flows_opened"] < before["flows_opened"]
    bench.expect(what, begun == before["requests_started"] or seen_why, "requests missing without a trace")


def check_survivors(bench, what, traffic, frames, places):
    """`places` are those of the client's bytes that `frames` still hold, of each connection."""
    wanted, begun = collections.Counter(), 0
    for client, requests in traffic.requests.items():
        rebuilt, started = synthetic.survivors(requests, places.get(client, []))
        wanted.update(essence(sent.record) for sent in rebuilt)
        begun += started
    run = bench.replay(what, frames)
    bench.same(what, wanted, run.multiset())
    found = run.counters["requests_started"]
    bench.expect(what, found == begun, f"{found} requests begun, expected {begun}")
    return run


def check_loss(seed, rebuilder):
    """Generated traffic that loses frames."""
    bench, traffic = Bench(rebuilder, f"generated, seed {seed}"), synthetic.traffic(seed, 300, 30)
    for share in LOSSES:
        kept = transform.drop(traffic.frames, random.Random(seed), share)
        left, places = set(map(id, kept)), collections.defaultdict(list)
        for frame, (client, place) in zip(traffic.frames, traffic.carried):
            if place and id(frame) in left:
                places[client].append(place)
        check_survivors(bench, f"{share:.0%} lost", traffic, kept, places)
    return bench.result()


def check_cut(size, rebuilder):
    """Generated traffic whose frames are cut."""
    bench, traffic = Bench(rebuilder, f"generated, cut at {size}"), synthetic.traffic(size, 300, 30)
    places = collections.defaultdict(list)
    for client, place in traffic.carried:
        if place:
            places[client].append((place[0], min(place[1], size - HEADERS)))
    run = check_survivors(bench, "cut", traffic, transform.cut(traffic.frames, size), places)
    bench.expect("cut", run.counters["tcp_truncated_segments"] > 0, "no segment counted as cut")
    return bench.result()


def check_large(seed, rebuilder):
    """2,000 requests over 200 connections."""
    bench, traffic = Bench(rebuilder, f"2,000 requests, seed {seed}"), synthetic.traffic(seed)
    wanted = collections.Counter(map(essence, traffic.records()))
    bench.same("untouched", wanted, bench.replay("untouched", traffic.frames).multiset())
    transparent(bench, traffic.frames, wanted, 2)
    return bench.result()


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__.strip())
    rebuilder, seeds = sys.argv[1], int(sys.argv[3]) if sys.argv[3:] else SEEDS
    fixtures = sorted(path for path in Path(sys.argv[2]).glob("*.pcap") if not applies(EXCLUDED, path.stem))
    jobs = [(check_large, 1), *((check_fixture, path) for path in reversed(fixtures)),
            *((check_loss, seed) for seed in range(seeds)), *((check_cut, size) for size in CUTS)]
    replays, problems = 0, []
    with concurrent.futures.ProcessPoolExecutor() as pool:
        running = [pool.submit(functools.partial(check, subject, rebuilder)) for check, subject in jobs]
        for count, found in (each.result() for each in running):
            replays += count
            problems += found
    print(*problems, f"{len(jobs)} subjects, {replays} replays, {len(problems)} problems", sep="\n")
    return 1 if problems or not fixtures else 0


if __name__ == "__main__":
    sys.exit(main())
