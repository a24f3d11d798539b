#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Decodes the header blocks that encoders of other projects made (the stories of http2jp's hpack-test-case): each
comes to the fields that it was made from, in their order.

    hpack_test.py HPACK_DECODE CORPUS_DIRECTORY

The corpus is optional: without it the test is skipped. TEST_CORPUS in the environment names another place for it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from replay import SKIP  # noqa: E402


def fields_of(line):
    if line == " malformed":
        return None
    return [tuple(bytes.fromhex(part).decode("latin-1") for part in field.split(":")) for field in line.split()]


def check(decode, story):
    """(blocks, differences in words) of one file."""
    cases = json.loads(story.read_text(encoding="utf-8"))["cases"]
    # A story says how large the table may be where its encoder is told so; the first block's is what it begins with.
    sizes = [case.get("header_table_size") for case in cases]
    blocks = "".join(f"{'-' if size is None else size} x{case['wire']}\n" for size, case in zip(sizes, cases))
    run = subprocess.run([decode], input=blocks, capture_output=True, text=True, check=True, timeout=60)
    lines, wrong = run.stdout.split("\n")[:-1], []
    for number, case in enumerate(cases):
        expected = [item for field in case["headers"] for item in field.items()]
        found = fields_of(lines[number]) if number < len(lines) else None
        if found != expected:
            wrong.append(f"{story.stem}, block {number}: expected {expected}, decoded {found}")
    return len(cases), wrong


def main(decode, corpus):
    folder = Path(os.environ.get("TEST_CORPUS", corpus)).resolve() / "hpack"
    if not folder.is_dir():
        print(f"skipped: there are no stories at {folder}")
        return SKIP
    stories, blocks, failures = sorted(folder.glob("*.json")), 0, []
    for story in stories:
        count, wrong = check(decode, story)
        blocks += count
        failures += wrong
    for failure in failures:
        print(failure)
    print(f"{len(stories)} stories, {blocks} header blocks, {len(failures)} failures")
    return 1 if failures or not blocks else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) == 3 else __doc__)
