#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Replays every fixture and compares what is printed with NAME.expect, byte for byte, the counters with
NAME.ledger, and asks of every replay that the conservation laws hold. Then once more with --verify-checksums: what is printed
has to be the same, or what NAME.verified says; in the former case no checksum was wrong.

    replay_test.py REBUILDER FIXTURES_DIRECTORY [NAME...]
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

CAPTURES = (".pcap", ".pcapng")
TIMEOUT_S = 60


def shown(line, at):
    """The part of a line around a position, so that a long record stays readable."""
    start = max(0, at - 60)
    return ("…" if start else "") + line[start:at + 100] + ("…" if len(line) > at + 100 else "")


def first_difference(expected, got):
    expected_lines, got_lines = expected.splitlines(), got.splitlines()
    for number, (want, have) in enumerate(zip(expected_lines, got_lines), start=1):
        if want != have:
            at = next((i for i, (a, b) in enumerate(zip(want, have)) if a != b), min(len(want), len(have)))
            record = json.loads(want)
            return [f"record {number}, {record['method']} {record['target']}, differs at column {at + 1}:",
                    f"  expected {shown(want, at)}", f"  printed  {shown(have, at)}"]
    if len(expected_lines) != len(got_lines):
        number = min(len(expected_lines), len(got_lines))
        kind, lines = ("missing", expected_lines) if len(expected_lines) > number else ("too many", got_lines)
        return [f"{len(expected_lines)} records expected, {len(got_lines)} printed; first {kind}:",
                f"  {shown(lines[number], 0)}"]
    return [] if expected == got else ["the records agree, their line ends do not"]


def check_ledger(path, wanted):
    try:
        ledger = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        return [f"no ledger: {error}"]
    problems = [f"law {law['name']!r} is broken: {law['left']} is not {law['right']}"
                for law in ledger.get("laws", []) if law.get("holds") is not True]
    if not ledger.get("laws"):
        problems.append("the ledger has no laws")
    counters = ledger.get("counters", {})
    problems += [f"{name}: expected {value}, counted {counters.get(name, 'nothing')}"
                 for name, value in wanted.items() if counters.get(name) != value]
    return problems


def check(rebuilder, capture, scratch, verify=False):
    """What is wrong with the replay of one capture; nothing, if all is well."""
    ledger = scratch / (capture.stem + ".json")
    try:
        run = subprocess.run([rebuilder, "replay", capture, "--ledger", ledger, *["--verify-checksums"] * verify],
                             capture_output=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return [f"not finished after {TIMEOUT_S} s"]
    problems = []
    if run.returncode != 0:
        last_words = run.stderr.decode(errors="replace").strip().splitlines()[-3:]
        problems += [f"exit status {run.returncode}", *(f"  {line}" for line in last_words)]
    ledger_file, verified = capture.with_suffix(".ledger"), capture.with_suffix(".verified")
    differs = verify and verified.exists()
    expected = (verified if differs else capture.with_suffix(".expect")).read_text(encoding="latin-1")
    problems += first_difference(expected, run.stdout.decode("latin-1"))
    wanted = json.loads(ledger_file.read_text()) if ledger_file.exists() and not differs else {}
    problems += check_ledger(ledger, wanted | ({} if differs else {"frame_bad_checksum": 0}))
    return [f"with --verify-checksums: {problem}" for problem in problems] if verify else problems


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__.strip())
    rebuilder, directory, names = sys.argv[1], pathlib.Path(sys.argv[2]), set(sys.argv[3:])
    if not shutil.which(rebuilder):
        sys.exit(f"replay_test: {rebuilder} is not a program")
    passed = failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for expectation in sorted(directory.glob("*.expect")):
            if names and expectation.stem not in names:
                continue
            captures = [path for path in map(expectation.with_suffix, CAPTURES) if path.exists()]
            if len(captures) == 1:
                problems = check(rebuilder, captures[0], pathlib.Path(scratch))
                problems += check(rebuilder, captures[0], pathlib.Path(scratch), verify=True)
            else:
                problems = [f"{len(captures)} captures for one expectation"]
            print(f"{'FAIL' if problems else 'ok  '} {expectation.stem}", *problems, sep="\n       ")
            passed, failed = passed + (not problems), failed + bool(problems)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0 or passed == 0)


if __name__ == "__main__":
    main()
