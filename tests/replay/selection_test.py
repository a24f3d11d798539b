#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A capture of which only some requests are selected: those that are printed are those that a second reading of the
rules finds in the whole, each of the others is in the counter that says why, and the ledger closes. Samples by a key
are the same requests from one instance and from four that share the capture; --max-rate holds over the capture's time.

    selection_test.py REBUILDER FIXTURES_DIRECTORY
"""

import collections
import ipaddress
import re
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
import synthetic  # noqa: E402
import transform  # noqa: E402
from capture import write_pcap  # noqa: E402
from replay import UNSELECTED, essence, replay  # noqa: E402

INSTANCES = 4
MAX_RATE = 200


def path(record):
    return record["target"].partition("?")[0]


def agent(record):
    return dict(record["headers"]).get("User-Agent", "")


def client_in(record, prefix):
    return ipaddress.ip_address(record["client"]) in ipaddress.ip_network(prefix)


# Options, and which records are denied and allowed by them.
RULES = [
    (["--allow", "host=shop1.example.com"], None, lambda r: r["host"] == "shop1.example.com"),
    (["--allow", "host=SHOP?.*.com,none"], None, lambda r: True),
    (["--deny", "host=shop1.example.com,shop2.*"],
     lambda r: r["host"] in ("shop1.example.com", "shop2.example.com"), None),
    (["--deny", r"path=^/item/\d{1,3}$"], lambda r: re.search(r"^/item/\d{1,3}\Z", path(r)), None),
    (["--allow", "path=page"], None, lambda r: False),
    (["--allow", "method=POST,PUT"], None, lambda r: r["method"] in ("POST", "PUT")),
    (["--deny", "header=user-agent:^curl/"], lambda r: agent(r).startswith("curl/"), None),
    (["--deny", "cidr=198.51.100.64/26"], lambda r: client_in(r, "198.51.100.64/26"), None),
    (["--allow", "method=GET,path=7$", "--allow", "host=shop3.*,cidr=198.51.100.0/25", "--deny", "path=77$"],
     lambda r: path(r).endswith("77"),
     lambda r: (r["method"] == "GET" and path(r).endswith("7")) or
               (r["host"].startswith("shop3.") and client_in(r, "198.51.100.0/25"))),
]
KEYS = {
    "client": lambda r: r["client"],
    "host": lambda r: r["host"],
    "header=User-Agent": agent,
}


def multiset(records):
    return collections.Counter(map(essence, records))


class Captures:
    def __init__(self, rebuilder, frames, folder):
        self.rebuilder, self.folder = rebuilder, folder
        self.whole = folder / "whole.pcap"
        write_pcap(self.whole, frames)
        self.parts = []
        for number, pile in enumerate(transform.split(frames, INSTANCES)):
            self.parts.append(folder / f"part-{number}.pcap")
            write_pcap(self.parts[-1], pile)

    def replay(self, capture, *options):
        run = replay(self.rebuilder, [capture], self.folder / "ledger.json", *options)
        return run, run.problems + [f"exit status {run.status}: {run.said}"] * (run.status != 0)


def check_rules(captures, everything, options, denied, allowed):
    run, problems = captures.replay(captures.whole, *options)
    out = [record for record in everything if denied and denied(record)]
    rest = [record for record in everything if not (denied and denied(record))]
    wanted = [record for record in rest if not allowed or allowed(record)]
    if multiset(run.records) != multiset(wanted):
        problems.append(f"{len(wanted)} of {len(everything)} records expected, {len(run.records)} printed")
    expected = {"requests_denied": len(out), "requests_not_allowed": len(rest) - len(wanted)}
    problems += [f"{name}: expected {expected.get(name, 0)}, counted {run.counters.get(name)}"
                 for name in UNSELECTED if run.counters.get(name) != expected.get(name, 0)]
    return problems


def check_sample(captures, everything, key, value_of):
    run, problems = captures.replay(captures.whole, "--sample", f"40%:{key}")
    taken = {value_of(record) for record in run.records}
    values = {value_of(record) for record in everything}
    if multiset(run.records) != multiset(record for record in everything if value_of(record) in taken):
        problems.append("of some value only some requests are in the sample")
    if len(values) > 100 and not 0.25 * len(values) < len(taken) < 0.55 * len(values):
        problems.append(f"{len(taken)} of {len(values)} values")
    together = []
    for part in captures.parts:
        part_run, found = captures.replay(part, "--sample", f"40%:{key}")
        together += part_run.records
        problems += found
    if multiset(together) != multiset(run.records):
        problems.append(f"{len(run.records)} records from one instance, {len(together)} from {INSTANCES}")
    return problems


def check_lot(captures, everything):
    run, problems = captures.replay(captures.whole, "--sample", "40%")
    if not 0.3 * len(everything) < len(run.records) < 0.5 * len(everything):
        problems.append(f"{len(run.records)} of {len(everything)}")
    if multiset(run.records) - multiset(everything):
        problems.append("records that are not in the whole")
    return problems


def check_rate(captures, everything):
    run, problems = captures.replay(captures.whole, "--max-rate", str(MAX_RATE))
    # The last byte of a request decides when it is sent, `ts` is of the first: so bounds, and no exact number.
    times = sorted(record["ts"] for record in everything)
    most = MAX_RATE * (times[-1] - times[0] + 2)
    if not MAX_RATE < len(run.records) < min(most, len(everything)):
        problems.append(f"{len(run.records)} records, not {MAX_RATE} to {most:.0f} and fewer than {len(everything)}")
    return problems


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        captures = Captures(sys.argv[1], synthetic.traffic(5).frames, Path(scratch))
        everything, problems = captures.replay(captures.whole)
        records = everything.records
        results = {"all": problems + ["no records"] * (len(records) < 1000)}
        for options, denied, allowed in RULES:
            results[" ".join(options)] = check_rules(captures, records, options, denied, allowed)
        for key, value_of in KEYS.items():
            results[f"--sample by {key}"] = check_sample(captures, records, key, value_of)
        results["--sample by lot"] = check_lot(captures, records)
        results["--max-rate"] = check_rate(captures, records)
    for name, problems in results.items():
        print(f"{'FAIL' if problems else 'ok  '} {name}", *problems, sep="\n       ")
        failed += bool(problems)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
