#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bash completes every command, every option, and the values that it can know.

    completion_test.py REBUILDER COMPLETION
"""

import shlex
import subprocess
import sys
from pathlib import Path

from options_documented_test import COMMANDS, options_of_help

ASK = """
compopt() { :; }  # outside of a completion that bash itself asks for there is nothing to set
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_rebuilder
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completions(completion, *words):
    done = subprocess.run(["bash", "-c", ASK, "bash", completion, *words], capture_output=True, text=True, timeout=20)
    return set(done.stdout.split()) if not done.stderr else {done.stderr}


def main(rebuilder, completion):
    rebuilder, completion = str(Path(rebuilder).resolve()), str(Path(completion).resolve())
    here = str(Path(__file__).resolve())
    expected = [
        ([""], {*COMMANDS, "--help", "--version"}, False),
        (["ru"], {"run"}, True),
        *(([command, "--"], {f"--{name}" for name in options_of_help(rebuilder, command)}, True)
          for command in COMMANDS),
        (["run", "--http2", "--oversiz"], {"--oversize"}, True),
        (["run", "--oversize", ""], {"truncate", "drop"}, True),
        (["run", "--oversize", "=", "t"], {"truncate"}, True),
        (["run", "--input", "af_"], {"af_xdp:", "af_packet:"}, True),
        (["run", "--input", "af_packet", ":", "l"], {"lo"}, True),
        (["run", "--timeout", ""], set(), True),
        (["run", "-c", here[:-1]], {here}, True),
        (["replay", here[:-1]], {here}, True),
        (["run", "--", "--"], set(), True),
    ]
    faults = []
    for words, wanted, exactly in expected:
        found = completions(completion, rebuilder, *words)
        if found != wanted and (exactly or not wanted <= found):
            faults.append(f"rebuilder {shlex.join(words)}: {sorted(found)}, expected {sorted(wanted)}")
    print(*faults, f"{len(expected)} command lines, {len(faults)} faults", sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) == 3 else __doc__.strip())
