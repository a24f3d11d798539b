#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes every fixture anew from its recipe and compares it with the committed files, byte for byte. Also asks
that no fixture is without a recipe and that the index in README.md names each. Needs scapy.

    fixtures_test.py FIXTURES_DIRECTORY            compares
    fixtures_test.py FIXTURES_DIRECTORY --write    makes the fixtures in place
"""

import pathlib
import runpy
import sys
import tempfile

MADE = (".pcap", ".pcapng", ".expect", ".verified", ".ledger")
HELPERS = ("recipe", "http2")


def recipes(directory):
    """The recipes in a directory. Captures of live programs (real-*) cannot be made again byte by byte."""
    return sorted(path for path in directory.glob("*.py")
                  if path.stem not in HELPERS and not path.stem.startswith("real-"))


def make(script, target):
    sys.argv = [str(script), str(target)]
    runpy.run_path(str(script), run_name="__main__")


def made_files(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.suffix in MADE}


def check(script, index):
    """What is wrong with the files of one recipe; nothing, if all is well."""
    with tempfile.TemporaryDirectory() as scratch:
        make(script, scratch)
        fresh = made_files(pathlib.Path(scratch))
    committed = {path.name: path.read_bytes() for path in map(script.with_suffix, MADE) if path.exists()}
    problems = [f"{name} is made, but not committed" for name in fresh.keys() - committed.keys()]
    problems += [f"{name} is committed, but not made" for name in committed.keys() - fresh.keys()]
    both = fresh.keys() & committed.keys()
    problems += [f"{name} differs" for name in both if fresh[name] != committed[name]]
    if f"`{script.stem}`" not in index:
        problems.append("README.md does not name it")
    return sorted(problems)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__.strip())
    directory, write = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:] == ["--write"]
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(directory))  # where recipes find their helpers
    scripts = recipes(directory)
    if write:
        for script in scripts:
            make(script, directory)
        return

    index = (directory / "README.md").read_text()
    results = {script.stem: check(script, index) for script in scripts}
    for name in sorted(made_files(directory)):
        stem = name.rpartition(".")[0]
        if stem not in results and not stem.startswith("real-"):
            results.setdefault(name, ["has no recipe"])
    for name, problems in results.items():
        print(f"{'FAIL' if problems else 'ok  '} {name}", *problems, sep="\n       ")
    failed = sum(map(bool, results.values()))
    print(f"{len(results) - failed} passed, {failed} failed")
    sys.exit(failed != 0 or not scripts)


if __name__ == "__main__":
    main()
