#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every shell script passes shellcheck, every Python file compiles, and every script says what it is for with --help.

    scripts_test.py SOURCE_ROOT
"""

import shutil
import subprocess
import sys
from pathlib import Path

FOLDERS = (".ci", "app", "drivers-config", "packaging", "pcap-fixtures", "scripts", "tests")


def kind_of(file):
    if file.suffix == ".py":
        return "python"
    if file.name == "completion.bash" or file.suffix in (".postinst", ".postrm", ".sh"):
        return "shell"
    with file.open("rb") as opened:
        first = opened.readline(100)
    if not first.startswith(b"#!"):
        return None
    return "python" if b"python" in first else "shell" if first.rstrip().endswith((b"sh", b"bash")) else None


def main(root):
    if not shutil.which("shellcheck"):
        print("skipped: shellcheck is not installed")
        return 77
    files = [file for folder in FOLDERS for file in sorted(Path(root, folder).rglob("*")) if file.is_file()]
    kinds = {file: kind_of(file) for file in files}
    shell = [file for file, kind in kinds.items() if kind == "shell"]
    faults = []
    checked = subprocess.run(["shellcheck", "--exclude=SC1091", "--format=gcc", *shell], capture_output=True, text=True)
    faults += checked.stdout.splitlines() + checked.stderr.splitlines()
    python = [file for file, kind in kinds.items() if kind == "python"]
    for file in python:
        try:
            compile(file.read_text(encoding="utf-8"), file, "exec")
        except SyntaxError as error:
            faults.append(f"{file}: {error}")
    for file in Path(root, "scripts").iterdir():
        if file.is_file() and not file.suffix:
            helped = subprocess.run([file, "--help"], capture_output=True, text=True, timeout=20)
            if helped.returncode or not helped.stdout.strip():
                faults.append(f"{file}: --help gives {helped.returncode}, {helped.stderr.strip()}")
    print(*faults, f"{len(shell)} shell scripts, {len(python)} Python files, {len(faults)} faults", sep="\n")
    return 1 if faults or not shell or not python else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) == 2 else __doc__.strip())
