#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends the test inputs of other parsers through a mirror, one to a connection, and compares the requests rebuilt with
those that they expect: attacks (OWASP CRS), odd transcripts (libhtp), and llhttp's own. Each input comes in one segment
and in pieces, which must make no difference. Where we decide otherwise than the file, conformance_decided.py says what
and why, one by one; any other difference is a failure, and so is a decision that nothing needs any more.

    conformance_test.py REBUILDER CORPUS_DIRECTORY [--list]

--list prints that table as it would have to be, new rows with an empty reason. The corpus is optional: without it the
test is skipped. TEST_CORPUS in the environment names another place for it.
"""

import argparse
import base64
import importlib
import json
import os
import random
import re
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
import conformance_decided as decided  # noqa: E402
from capture import MOST_PAYLOAD, Connection, timed, write_pcap  # noqa: E402
from replay import SKIP, essence, replay  # noqa: E402

FILES = ("crs", "libhtp", "llhttp")
FIRST_PORT = 20_000  # of the clients; the port says which input a record comes from


def segments_of(row):
    """An input, in the segments that its file gives."""
    if "segments_b64" in row:
        return [base64.b64decode(segment) for segment in row["segments_b64"]]
    data = base64.b64decode(row.get("raw_b64") or row["input_b64"])
    # llhttp's file has lost the last line end of some inputs. The parser's log, which goes on behind it, has not.
    offsets = [int(offset) for offset in re.findall(r"\boff=(\d+)", row.get("expected_log", ""))]
    while len(data) < max(offsets, default=0):
        data += b"\r\n"
    return [data]


def in_pieces(data, seed):
    rng, pieces, start = random.Random(seed), [], 0
    while start < len(data):
        size = min(rng.randint(1, max(1, len(data) // 3)), MOST_PAYLOAD)
        pieces.append(data[start:start + size])
        start += size
    return pieces


WAYS = {
    "in one segment": lambda segments, seed: [b"".join(segments)],
    "as given": lambda segments, seed: segments,
    "in pieces": lambda segments, seed: in_pieces(b"".join(segments), seed),
}


def rebuilt(rebuilder, inputs, way, folder):
    """The records of each input, all of which are in one capture."""
    frames = []
    for number, segments in enumerate(inputs):
        connection = Connection((f"198.18.{number >> 8}.{number & 255}", FIRST_PORT + number))
        frames += connection.open(both=False)
        for piece in WAYS[way](segments, number):
            frames += connection.send(piece, mss=MOST_PAYLOAD)
        frames += connection.close(both=False)
    write_pcap(folder / "inputs.pcap", timed(frames))
    run = replay(rebuilder, [folder / "inputs.pcap"], folder / "ledger.json")
    if run.status or run.problems:
        raise RuntimeError(f"{way}: exit status {run.status}, {run.problems}")
    records = [[] for _ in inputs]
    for record in run.records:
        records[int(record["src"].rpartition(":")[2]) - FIRST_PORT].append(record)
    return records


def expected_of(row):
    """The whole requests that the file expects; None if it doesn't say."""
    if "expect" in row:
        return row["expect"] and [row["expect"]]
    return [request for request in row["expect_requests"] if request["message_complete"]]


def comparable(request, canon):
    """What has to be equal. `canon` makes one text of bytes that were written as Latin-1 or UTF-8."""
    sections = [[tuple(map(canon, line)) for line in request.get(part, [])] for part in ("headers", "trailers")]
    return canon(request["method"]), canon(request["target"]), sections, request["body_len"], request["body_sha256"]


def summary(records):
    words = [" ".join([record["method"], record["target"][:40], f"({record['body_len']})"]) for record in records]
    return "rebuilt as " + ", ".join(words) if words else "refused"


def check(rebuilder, corpus, name, canon, folder):
    """Compares all inputs of one file: the figures, {input: what we make of it, unlike the file}, and failures."""
    rows = [json.loads(line) for line in (corpus / "conformance" / f"{name}.jsonl").read_text().splitlines()]
    inputs = [segments_of(row) for row in rows]
    by_way = {way: rebuilt(rebuilder, inputs, way, folder) for way in WAYS}
    different, failures, equal, unsaid = {}, [], 0, 0
    for number, row in enumerate(rows):
        records = by_way["in one segment"][number]
        for way, found in by_way.items():
            if list(map(essence, found[number])) != list(map(essence, records)):
                failures.append(f"{row['id']}: {way}: {summary(found[number])}; in one segment: {summary(records)}")
        expected = expected_of(row)
        if expected is None:
            unsaid += 1
            if len(records) != 1:
                failures.append(f"{row['id']}: {summary(records)}, where one request was to come")
        elif [comparable(record, canon) for record in records] == [comparable(each, canon) for each in expected]:
            equal += 1
        else:
            different[row["id"]] = summary(records)
    figures = f"{name}: {len(rows)} inputs, {equal} equal, {len(different)} otherwise, {unsaid} without expectation"
    return figures, different, failures


def print_table(different):
    constants = {text: name for name, text in vars(decided).items() if name.isupper() and name != "DECIDED"}
    print("DECIDED = {")
    for name, what in different.items():
        reason = decided.DECIDED.get(name, ("", ""))[1]
        print(f"    {json.dumps(name)}:\n        ({json.dumps(what)}, {constants.get(reason) or json.dumps(reason)}),")
    print("}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rebuilder")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    corpus = Path(os.environ.get("TEST_CORPUS", options.corpus)).resolve()
    if not (corpus / "conformance").exists():
        print(f"skipped: there is no corpus at {corpus}")
        return SKIP

    sys.path.insert(0, str(corpus / "tools"))
    canon = importlib.import_module("compare_requests").canon
    figures, different, failures = [], {}, []
    with tempfile.TemporaryDirectory() as scratch:
        for name in FILES:
            line, found, problems = check(options.rebuilder, corpus, name, canon, Path(scratch))
            figures.append(line)
            different.update(found)
            failures += problems
    if options.list:
        print_table(different)
        return 0
    for name, what in different.items():
        wanted, reason = decided.DECIDED.get(name, ("as expected", "none"))
        if what != wanted or not reason:
            failures.append(f"{name}: {what}; decided: {wanted}, for the reason: {reason}")
    failures += [f"{name}: stale decision" for name in decided.DECIDED.keys() - different.keys()]
    print(*failures, *figures, f"{len(failures)} failures", sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
