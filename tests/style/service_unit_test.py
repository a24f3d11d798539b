#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The systemd unit and its drop-ins: systemd finds nothing to say about them, and they are exposed no more than the README
states.

    service_unit_test.py UNIT REBUILDER README
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def stated_scores(readme):
    """{"rebuilder.service": 2.1, "af-xdp.conf": ...} from the sentences that have them."""
    return {name: float(score) for name, score in re.findall(r"`([\w.-]+)` (\d\.\d)\b", readme)}


def analyze(folder, *arguments):
    return subprocess.run(["systemd-analyze", "--no-pager", *arguments, "./rebuilder.service"], cwd=folder,
                          capture_output=True, text=True, timeout=60)


def faults_of(unit, drop_in, rebuilder, stated):
    what = drop_in.name if drop_in else unit.name
    with tempfile.TemporaryDirectory() as folder:
        text = unit.read_text(encoding="utf-8").replace("/usr/bin/rebuilder", str(Path(rebuilder).resolve()))
        Path(folder, unit.name).write_text(text, encoding="utf-8")
        if drop_in:
            more = Path(folder, f"{unit.name}.d")
            more.mkdir()
            shutil.copy(drop_in, more)
        verified = analyze(folder, "verify", "--man=no")
        # Units of this machine that ours pulls in are not ours to judge.
        said = [line for line in verified.stderr.splitlines() if unit.name in line or drop_in and drop_in.name in line]
        if said or (verified.returncode and not verified.stderr):
            yield f"{what}: {said}"
        scored = analyze(folder, "security", "--offline=true")
        if not (found := re.search(r"exposure level .*: (\d+\.\d)", scored.stdout)):
            yield f"{what}: no score: {scored.stdout[-300:]}{scored.stderr[-300:]}"
        elif what not in stated:
            yield f"{what}: the README doesn't state its score, {found[1]}"
        elif float(found[1]) > stated[what]:
            yield f"{what}: its score is {found[1]}, the README states {stated[what]}"


def main(unit, rebuilder, readme):
    if not shutil.which("systemd-analyze"):
        print("skipped: systemd-analyze is not installed")
        return 77
    unit = Path(unit)
    stated = stated_scores(Path(readme).read_text(encoding="utf-8"))
    drop_ins = sorted((unit.parent / "systemd").glob("*.conf"))
    faults = [fault for drop_in in [None, *drop_ins] for fault in faults_of(unit, drop_in, rebuilder, stated)]
    print(*faults, f"{1 + len(drop_ins)} files, {len(faults)} faults", sep="\n")
    return 1 if faults or not drop_ins else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) == 4 else __doc__.strip())
