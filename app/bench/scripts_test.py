#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/bench and scripts/bench-compare: what they refuse, and what they write of a benchmark that isn't one.

    scripts_test.py SOURCE_ROOT
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import sys
import tempfile

FAKE = """#!/usr/bin/env python3
import json, sys
if "--help" in sys.argv:
    sys.exit(print("Scenarios:\\n  line    a line\\n  broken    nothing\\n" if sys.argv[1] == "--help" else "\\n  --rounds N"))
if sys.argv[1] == "broken":
    sys.exit("rebuilder-bench: it broke")
report = {"llhttp_ratio": 0.75, "rate": 1234567, "targets": {"llhttp_ratio": {"at_least": 0.8, "met": False}},
          "units": {"rate": "requests/s"}, "settings": {"arguments": " ".join(sys.argv[2:])}, "notes": [], "ratios": [],
          "programs": [{"program": name, "cpu_us": {"median": us}} for name, us in PROGRAMS.items()],
          "charts": [{"name": "stages", "title": "Stages"}]}
with open(sys.argv[sys.argv.index("--json") + 1], "w") as file:
    json.dump({"line": report}, file)
print("line: a table")
"""


def load(root, name):
    """A script, as a module."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), os.path.join(root, "scripts", name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def run(module, *arguments):
    """(exit status, stdout, stderr)."""
    out, err = io.StringIO(), io.StringIO()
    sys.argv = [module.__name__, *arguments]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = module.main()
        except module.Failure as failure:
            status, _ = 1, err.write(str(failure))
        except SystemExit as end:
            status = end.code
    return status, out.getvalue(), err.getvalue()


def fake(folder, name, programs):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(FAKE.replace("PROGRAMS", repr(programs)))
    os.chmod(path, 0o755)
    return path


def check_bench(bench, folder):
    bench.benchlib.build = lambda tree: fake(folder, "rebuilder-bench", {"line": 2.0})
    bench.describe_machine = lambda *_: {"cpu": "any"}
    out = os.path.join(folder, "report")
    status, _, said = run(bench, "--out", out, "--quick", "line")
    assert status == 0 and "1 of 1: line" in said and "misses its target: llhttp_ratio" in said, (status, said)
    with open(os.path.join(out, "report.json")) as file:
        report = json.load(file)
    assert report["line"]["llhttp_ratio"] == 0.75 and report["machine"] == {"cpu": "any"}, report
    assert "--rounds 1" in report["line"]["settings"]["arguments"], report
    with open(os.path.join(out, "report.md")) as file:
        text = file.read()
    for part in ("| `line.llhttp_ratio` | 0.75 | ≥ 0.8 | **missed** |", "| `line.rate` | 1,234,567 requests/s |  |  |",
                 "line: a table"):
        assert part in text, (part, text)
    assert ("![Stages](stages.svg)" in text) == ("--plot" in report["line"]["settings"]["arguments"]), text

    status, _, said = run(bench, "--out", out)
    assert status == 1 and "it broke" in said and "2 of 2: broken" in said, (status, said)
    with open(os.path.join(out, "report.md")) as file:
        assert "`broken` **failed**: rebuilder-bench: it broke" in file.read()

    for arguments, names in ((["--out", os.path.join(out, "report.md")], "--out"), (["--out", out, "nothing"], "nothing")):
        status, _, said = run(bench, *arguments)
        assert status == 2 and names in said.splitlines()[-1], (arguments, status, said)


def check_compare(compare, folder):
    for arguments, names in (
        ([], "REF"),
        (["no-such-commit"], "no-such-commit"),
        (["--rounds", "0", "HEAD"], "--rounds"),
        (["--rounds", "many", "HEAD"], "--rounds"),
        (["--nothing", "HEAD"], "--nothing"),
    ):
        status, out, said = run(compare, *arguments)
        assert status == 2 and names in said.splitlines()[-1] and not out, (arguments, status, said)

    compare.benchlib.git = lambda *_: "0123abcd"
    status, _, said = run(compare, "--json", "/nowhere/at/all", "HEAD")
    assert status == 2 and "--json" in said, (status, said)

    one = fake(folder, "one", {"the line": 2.2, "llhttp": 1.0, "gone": 1.0})
    other = fake(folder, "other", {"the line": 2.0, "llhttp": 1.0, "new": 1.0})
    compare.check_out = lambda *_: None
    compare.benchlib.build = lambda tree: other if tree == compare.benchlib.root() else one
    path = os.path.join(folder, "compared.json")
    status, out, said = run(compare, "--json", path, "--rounds", "8", "before", "line", "--", "--mix", "api")
    assert status == 0, said
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[2:] == [
        "line",
        "the line 2.200 0.000 2.000 0.000 1.100 0.000 this tree needs 9.1 % less CPU",
        "llhttp 1.000 0.000 1.000 0.000 1.000 0.000 no difference that these rounds can show",
    ], out
    with open(path) as file:
        written = json.load(file)
    assert written["options"] == ["--mix", "api"] and len(written["rows"][0]["ratio"]["rounds"]) == 8, written

    status, _, said = run(compare, "before", "nothing")
    assert status == 1 and "nothing: not a scenario; there are line, broken" in said, (status, said)
    status, _, said = run(compare, "before", "broken")
    assert status == 1 and "it broke" in said, (status, said)


def check_verdict(compare):
    nothing = "no difference that these rounds can show"
    assert compare.verdict([1.02, 0.99, 1.01, 0.98, 1.0, 1.015, 0.97, 1.03]) == nothing
    assert compare.verdict([0.90, 0.91, 0.89, 0.90, 0.90, 0.92, 0.88, 0.90]) == "this tree needs 11.1 % more CPU"
    assert compare.verdict([1.25] * 11 + [0.9]) == "this tree needs 20.0 % less CPU"
    assert compare.verdict([1.25] * 10 + [0.9] * 2) == nothing
    assert compare.verdict([0.5] * 7) == nothing  # too few
    assert compare.verdict([1.0] * 20) == nothing


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    root = sys.argv[1]
    sys.dont_write_bytecode = True
    sys.path.insert(0, os.path.join(root, "scripts"))
    compare = load(root, "bench-compare")
    check_verdict(compare)
    with tempfile.TemporaryDirectory() as folder:
        check_bench(load(root, "bench"), folder)
        check_compare(compare, folder)


if __name__ == "__main__":
    main()
