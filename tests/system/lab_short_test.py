#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole solution once through, in its short form: scripts/lab, which says what it checks.

    lab_short_test.py REBUILDER SOURCE_ROOT
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from program import SKIP


def main(binary, root):
    sys.path.insert(0, str(Path(root, "scripts")))
    from lablib import keeper
    if reason := keeper.unavailable():
        print(f"skipped: {reason}")
        return SKIP
    with tempfile.TemporaryDirectory() as folder:
        # It ends by itself: each of its steps has its time, and the lab a keeper with a deadline.
        return subprocess.run([sys.executable, Path(root, "scripts", "lab"), "--dir", folder, "all", "--short",
                               "--rebuilder", binary]).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
