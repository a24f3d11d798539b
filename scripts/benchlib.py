# SPDX-License-Identifier: Apache-2.0
"""What scripts/bench and scripts/bench-compare share: building a tree, and asking its benchmark."""

import json
import os
import re
import subprocess
import sys
import tempfile

BUILD = "build-bench"  # in the tree that is built, apart from the build that tests are run in
OPTIONS = ["--buildtype=release"]  # as it is installed; LTO doesn't pay, see lib/README.md
NO_FIGURES = ("targets", "units", "settings", "notes", "programs", "ratios", "charts")  # of a scenario's JSON


class Failure(Exception):
    """A sentence for stderr."""


def say(script, sentence):
    print(f"{script}: {sentence}", file=sys.stderr, flush=True)


def root():
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def git(*arguments):
    """What git says; nothing where it fails."""
    try:
        done = subprocess.run(["git", "-C", root(), *arguments], capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def build(tree):
    """The path of rebuilder-bench, built in `tree` as it is there."""
    folder = os.path.join(tree, BUILD)
    commands = [["ninja", "-C", folder, "app/bench/rebuilder-bench", "app/rebuilder/rebuilder"]]
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        commands.insert(0, ["meson", "setup", folder, tree, *OPTIONS])
    for command in commands:
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        except FileNotFoundError as error:
            raise Failure(f"{error.filename} isn't installed; scripts/deps installs it") from error
        if done.returncode != 0:
            raise Failure(f"{tree} can't be built: {' '.join(command[:2])} said\n" + "\n".join(done.stdout.splitlines()[-25:]))
    return os.path.join(folder, "app", "bench", "rebuilder-bench")


def scenarios(bench):
    """Those that the program itself lists."""
    listed = subprocess.run([bench, "--help"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^  ([a-z][\w-]*) ", listed.split("Scenarios:")[1], re.MULTILINE)


def check_scenarios(asked, there):
    for name in asked:
        if name not in there:
            raise Failure(f"{name}: not a scenario; there are {', '.join(there)}")


def measure(bench, scenario, *options):
    """(the scenario's part of the JSON, the text for people)."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        done = subprocess.run([bench, scenario, *options, "--json", file.name], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(done.stderr.strip() or f"{scenario}: exit status {done.returncode}")
        (report,) = json.load(file).items()
    return report, done.stdout


def figures(report):
    return {name: value for name, value in report.items() if name not in NO_FIGURES}


def shown(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
