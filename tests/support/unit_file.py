# SPDX-License-Identifier: Apache-2.0
"""A systemd unit with its drop-ins, as far as tests need it."""

import re
import subprocess
from pathlib import Path


class UnitFile:
    """The directives of [Service], each with the words of all its lines: unit.words("LimitCORE")."""

    def __init__(self, *files):
        self.lines = []  # (key, value), in order
        section = ""
        for line in "\n".join(Path(file).read_text(encoding="utf-8") for file in files).splitlines():
            if line.startswith("["):
                section = line
            elif section == "[Service]" and (found := re.match(r"([A-Za-z]+)=(.*)", line)):
                self.lines.append((found[1], found[2]))

    def words(self, key):
        return [word for name, value in self.lines if name == key for word in value.split()]

    def last(self, key, otherwise=None):
        return next((value for name, value in reversed(self.lines) if name == key), otherwise)

    def script(self):
        """Shell that runs what systemd would, as the user and with the rights that the unit gives, sandbox left out."""
        ambient, bounding = (
            ",".join(["-all", *(f"+{name.lower().removeprefix('cap_')}" for name in self.words(key))])
            for key in ("AmbientCapabilities", "CapabilityBoundingSet"))
        user, group, state = self.last("User"), self.last("Group"), self.last("WorkingDirectory")
        return (f"install -d -o {user} -g {group} /run/rebuilder {state}; cd {state}; umask {self.last('UMask')};"
                f" export RUNTIME_DIRECTORY=/run/rebuilder; exec setpriv --reuid {user} --regid {group} --init-groups"
                f" --no-new-privs --inh-caps={ambient} --ambient-caps={ambient} --bounding-set={bounding}"
                f" {self.last('ExecStart')}")

    def system_calls(self):
        """The names that SystemCallFilter= lets through; the first line makes it a list of what is allowed."""
        allowed = set(expand(["@default"]))
        for name, value in self.lines:
            if name != "SystemCallFilter":
                continue
            if value.startswith("~"):
                allowed -= set(expand(value[1:].split()))
            else:
                allowed |= set(expand(value.split()))
        return allowed


def expand(words):
    """What the sets among these names stand for, by this machine's systemd."""
    for word in words:
        if not word.startswith("@"):
            yield word
            continue
        listed = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter", word], capture_output=True,
                                text=True, check=True, timeout=20).stdout
        yield from expand([line.strip() for line in listed.splitlines()[1:]
                           if line.strip() and not line.strip().startswith("#")])
