#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""README.md's table of counters is the one in lib/base/counters.def.

    counters_test.py ROOT_OF_THE_REPOSITORY            compares
    counters_test.py ROOT_OF_THE_REPOSITORY --write    puts the right one there
"""

import difflib
import re
import sys
from pathlib import Path

BEGIN, END = "<!-- counters -->\n", "<!-- /counters -->\n"
COUNTER = re.compile(r'^COUNTER\((\w+), (\w+), (\w+), "([^"]*)", "([^"]*)"\)$', re.MULTILINE)


def table(definition):
    rows = COUNTER.findall(definition)
    if len(rows) != len(re.findall(r"^COUNTER\(", definition, re.MULTILINE)):
        sys.exit("counters_test: a COUNTER in counters.def is not written as this test expects, in one line")
    lines = [f"| `{name}` | {unit} | {means.replace('|', chr(92) + '|')} |" for _, name, _, unit, means in rows]
    return "\n".join(["| counter | unit | means |", "|---|---|---|", *lines, ""])


def main(root, write):
    readme = Path(root) / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    present, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"counters_test: README.md lacks its marks, {BEGIN.strip()} and {END.strip()}")
    wanted = table((Path(root) / "lib/base/counters.def").read_text(encoding="utf-8"))
    if write:
        readme.write_text(before + begin + wanted + end + after, encoding="utf-8")
    elif present != wanted:
        print(*difflib.unified_diff(present.splitlines(), wanted.splitlines(), "README.md", "counters.def", "", "", 0, ""),
              sep="\n")
        sys.exit("README.md's counters are not those of counters.def; tests/style/counters_test.py . --write")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["--write"]):
        sys.exit(__doc__.strip())
    main(sys.argv[1], len(sys.argv) == 3)
