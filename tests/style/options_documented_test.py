#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every option of the program is in its man pages and its sample configuration, and nothing else is.

    options_documented_test.py REBUILDER MAN_PAGE... SAMPLE_TOML
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

COMMANDS = ("run", "replay", "check", "top")
COMMAND_LINE_ONLY = {"config", "count", "explain", "help", "interval", "once", "url", "version", "why"}


def options_of_help(rebuilder, *command):
    text = subprocess.run([rebuilder, *command, "--help"], capture_output=True, text=True, check=True).stdout
    # An option begins its line, perhaps behind its short form; its help never does.
    return set(re.findall(r"^  (?:-\w,)?--([a-z0-9-]+)", text, re.MULTILINE))


def printed_by_check(rebuilder, *arguments):
    """The options as `check` prints them, {key: value}; what it says of the host doesn't matter here."""
    done = subprocess.run([rebuilder, "check", *arguments], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"options_documented_test: {' '.join(map(str, arguments))} is refused: {done.stderr.strip()}")
    return dict(re.findall(r"^(?:# )?([a-z0-9-]+) = (.*)$", done.stdout, re.MULTILINE))


def differences(what, wanted, found):
    for name in sorted(wanted - found):
        yield f"{what}: {name} is missing"
    for name in sorted(found - wanted):
        yield f"{what}: {name} is no option"


def sample_faults(rebuilder, sample):
    """What stands in the sample as a comment is the default."""
    text = Path(sample).read_text(encoding="utf-8")
    printed_by_check(rebuilder, "-c", sample)
    commented = set(re.findall(r"^#([a-z0-9-]+) = ", text, re.MULTILINE))
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as uncommented:
        uncommented.write(re.sub(r"^#([a-z0-9-]+ = )", r"\1", text, flags=re.MULTILINE))
        uncommented.flush()
        values = printed_by_check(rebuilder, "-c", uncommented.name)
    defaults = printed_by_check(rebuilder)
    for name in sorted(commented):
        if values.get(name) != defaults.get(name):
            yield f"{sample}: the default of {name} is {defaults.get(name)}, not {values.get(name)}"


def main(rebuilder, *man_pages, sample):
    options = set().union(*(options_of_help(rebuilder, command) for command in COMMANDS), options_of_help(rebuilder))
    man_text = "".join(Path(page).read_text(encoding="utf-8") for page in man_pages)
    man = set(re.findall(r"^\.It .*?Fl -([a-z0-9-]+)", man_text, re.MULTILINE))
    keys = set(re.findall(r"^#?([a-z0-9-]+) = ", Path(sample).read_text(encoding="utf-8"), re.MULTILINE))
    faults = [
        *differences("man pages", options, man),
        *differences("sample", options - COMMAND_LINE_ONLY, keys),
        *sample_faults(rebuilder, sample),
    ]
    print(*faults, f"{len(options)} options, {len(faults)} faults", sep="\n")
    return 1 if faults or not options else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:-1], sample=sys.argv[-1]) if len(sys.argv) >= 4 else __doc__.strip())
