#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks `rebuilder replay --why` about every fixture: those of REASONS give exactly these reasons, of all others every
request was rebuilt; frames and lost requests are those of the ledger; records come first, if they are asked for.

    why_test.py REBUILDER FIXTURES_DIRECTORY [NAME...]
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

CAPTURES = (".pcap", ".pcapng")
CLEAN = "\nevery request was rebuilt\n"
# How often each reason is given for connections and requests, and what else has to be said.
REASONS = {
    "h1-truncated-body": ({"requests_truncated": 1}, "--max-body"),
    "h2-broken-frames": ({"requests_lost_http2_broken": 5, "requests_lost_http2_malformed": 2},
                         "203.0.113.7:51001 > 10.0.1.20:80 vni 1377, from frame 5,"),
    "h2-broken-hpack": ({"requests_lost_http2_broken": 16}, "(http2_lost_*)"),
    "h2-continuation-flood": ({"requests_lost_continuations": 2}, "2 connections,"),
    "h2-gap-across-frames": ({"requests_lost_to_gap": 5, "tcp_gaps": 1}, "last hole of 24 bytes at offset 98\n"),
    "h2-gap-in-data": ({"requests_lost_to_gap": 4}, "hole of 1448 bytes"),
    "h2-head-limits": ({"requests_lost_head_too_large": 2, "requests_lost_too_many_fields": 1}, "Raise --max-head"),
    "h2-interrupted-block": ({"requests_lost_http2_broken": 9}, "(http2_lost_*)"),
    "h2-large-body": ({"requests_truncated": 1}, "--max-body"),
    "h2-malformed": ({"requests_lost_http2_malformed": 28}, "28 lost"),
    "h2-midstream": ({"streams_http2_midstream": 4}, "203.0.113.7:51001 > 10.0.1.20:80 vni 1377, from frame 5\n"),
    "h2-open-streams": ({"requests_lost_refused": 44}, "44 lost"),
    "h2-rapid-reset": ({"requests_lost_cancelled": 1000, "requests_lost_reset_flood": 100}, "1100 lost"),
    "h2-reset": ({"requests_lost_cancelled": 4}, "4 lost"),
    "h2-stray": ({"requests_lost_cancelled": 1}, "1 lost"),
    "h2-unfinished": ({"requests_lost_to_close": 6, "requests_lost_to_drain": 5}, "Let the capture go on"),
    "mysql": ({"streams_mysql": 3}, ""),
    "not-http": ({"streams_tls": 1, "streams_ssh": 1, "streams_http1_responses": 1, "streams_redis": 1,
                  "streams_smtp": 1, "streams_postgresql": 1, "streams_unknown": 1},
                 "10.0.1.20:51002 > 198.51.100.80:80 vni 1377, from frame 13\n"),
    "postgresql": ({"streams_postgresql": 5}, ""),
    "proxy-protocol": ({"streams_unknown": 1}, ""),
    "real-http2": ({"requests_lost_cancelled": 3}, ""),
    "redis": ({"streams_redis": 3}, ""),
    "smtp": ({"streams_smtp": 3, "streams_unknown": 1}, ""),
    "tcp-gap-at-end": ({"requests_lost_to_gap": 1}, "hole of 1448 bytes at offset 1521\n"),
    "tcp-gap-between-requests": ({"tcp_gaps": 1}, "hole of 77 bytes at offset 73\n"),
    "tcp-gap-by-scatter": ({"requests_lost_to_gap": 1}, "hole of 40 bytes"),
    "tcp-gap-filled-late": ({"requests_lost_to_gap": 1, "no payload": 1}, "hole of 1448 bytes"),
    "tcp-gap-in-body": ({"requests_lost_to_gap": 2}, "hole of 1448 bytes"),
    "tcp-gap-in-chunked": ({"requests_lost_to_gap": 1}, "hole of 600 bytes at offset 600\n"),
    "tcp-gap-in-head": ({"requests_lost_to_gap": 1}, "Frames are missing"),
    "tcp-midstream": ({"flows_midstream": 1}, "from frame 1, 4064 bytes before it\n"),
    "tcp-port-reuse": ({"requests_lost_to_close": 1}, "203.0.113.7:51234 > 10.0.1.20:80 vni 1377, from frame 7,"),
    "tcp-rst": ({"requests_lost_to_close": 2}, "the connection ended inside the request"),
    "tcp-unfinished": ({"requests_lost_to_close": 4, "requests_lost_to_drain": 2}, "Let the capture go on"),
    "tcp-wrong-checksum": ({"requests_lost_to_gap": 1}, "hole of 240 bytes at offset 8434\n"),
    "vxlan-cut": ({"requests_lost_to_gap": 1}, "raise the mirror's packet length, or the capture's snap length"),
}
REASON = re.compile(r"^ {2} *(\d+)  (.{28}\w*) \S", re.MULTILINE)
CONNECTIONS = re.compile(r" (\d+) connections?,")


def about_frames(name):
    return name.startswith("frame_") or name == "tcp_truncated_segments"


def replay(rebuilder, *arguments):
    run = subprocess.run([rebuilder, "replay", "--why", *arguments], capture_output=True, timeout=60, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"exit status {run.returncode}: {run.stderr.decode(errors='replace').strip()}")
    return run.stdout.decode("latin-1")


def check(rebuilder, capture, scratch):
    """What is wrong with the summary of one capture; nothing, if all is well."""
    ledger_file = scratch / "ledger.json"
    summary = replay(rebuilder, capture, "--ledger", ledger_file)
    counters = {name: value for name, value in json.loads(ledger_file.read_text())["counters"].items() if value}
    given = {name.strip(): int(count) for count, name in REASON.findall(summary)}
    wanted, phrase = REASONS.get(capture.stem, ({}, CLEAN))
    wanted = wanted | {name: value for name, value in counters.items() if about_frames(name) and name != "frame_bytes"}

    problems = [f"{name}: {given.get(name, 'not')} given, {wanted.get(name, 'not')} wanted"
                for name in sorted(given.keys() | wanted.keys()) if given.get(name) != wanted.get(name)]
    problems += [f"{name} is {value}, {given.get(name, 'not')} given" for name, value in counters.items()
                 if name.startswith("requests_lost_") and given.get(name) != value]
    if phrase not in summary:
        problems.append(f"{phrase.strip()!r} is not said")
    if (CLEAN in summary) != (capture.stem not in REASONS):
        problems.append("every request was rebuilt, or not?")
    if int(CONNECTIONS.search(summary).group(1)) != counters.get("flows_opened", 0):
        problems.append(f"not the {counters.get('flows_opened')} connections of the ledger")
    records = capture.with_suffix(".expect").read_text(encoding="latin-1")
    if replay(rebuilder, capture, "--output", "jsonl:-") != records + summary:
        problems.append("with --output jsonl:-, not the records and then the summary")
    return problems and [*problems, *summary.splitlines()]


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__.strip())
    rebuilder, directory, names = sys.argv[1], pathlib.Path(sys.argv[2]), set(sys.argv[3:])
    captures = [path for path in sorted(directory.iterdir())
                if path.suffix in CAPTURES and (not names or path.stem in names)]
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for capture in captures:
            try:
                problems = check(rebuilder, capture, pathlib.Path(scratch))
            except RuntimeError as error:
                problems = [error]
            print(f"{'FAIL' if problems else 'ok  '} {capture.stem}", *problems, sep="\n       ")
            failed += bool(problems)
    unknown = set() if names else REASONS.keys() - {capture.stem for capture in captures}
    print(*(f"FAIL {name} is no fixture" for name in sorted(unknown)),
          f"{len(captures) - failed} passed, {failed + len(unknown)} failed", sep="\n")
    sys.exit(failed != 0 or unknown != set() or not captures)


if __name__ == "__main__":
    main()
