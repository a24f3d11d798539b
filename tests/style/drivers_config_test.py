#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every profile is what it should be: the program takes it, its numbers fit each other, host-setup makes of it what
systemd takes, does so once, and takes it back.

    drivers_config_test.py SOURCE_ROOT REBUILDER
"""

import configparser
import filecmp
import importlib.machinery
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

QUEUE_MB, REST_MB = 65, 64  # drivers-config/README.md
DPDK_INPUT = 'input = ["dpdk:0000:00:06.0"]\n'


def load(script):
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("host_setup", str(script))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("host_setup", loader))
    loader.exec_module(module)
    return module


def profile_faults(file, setup, rebuilder):
    """One file by itself."""
    text = file.read_text(encoding="utf-8")
    done = subprocess.run([rebuilder, "check", "-c", file], capture_output=True, text=True)
    if done.returncode == 2:
        yield f"the program refuses it: {done.stderr}"
    keys = tomllib.loads(text)
    for key, value in keys.items():
        said = re.search(rf"^(?:# )?{key} = (.*)$", done.stdout, re.MULTILINE)
        if not said or tomllib.loads(f"value = {said[1]}")["value"] not in (value, str(value), [value]):
            yield f"{key} = {value} didn't reach the program, which has {said and said[1]}"
    profile = setup.Profile([str(file)])
    if "cpus" not in profile.settings:
        return
    cpus, workers = int(profile.settings["cpus"]), keys["workers"]
    room = int(profile.settings.get("hugepages-2M", 0)) * 2 + int(profile.settings.get("hugepages-1G", 0)) * 1024
    if room < workers * QUEUE_MB + REST_MB:
        yield f"{room} MB of hugepages are too few for {workers} workers"
    if workers + 1 > cpus or keys["forwarders"] > workers:
        yield f"{workers} workers and {keys['forwarders']} forwarders don't fit {cpus} CPUs"
    isolated = setup.cpu_set(profile.settings["isolate"]) if "isolate" in profile.settings else set()
    on = {int(cpu) for cpu in re.findall(r"\b[1-9]\d*@(\d+)", keys.get("lcores", ""))} or set(range(cpus - workers, cpus))
    if isolated and isolated != on:
        yield f"{profile.settings['isolate']} are isolated, the workers are on {sorted(on)}"


def same(left, right):
    """Folders, with all that is in them."""
    compared = filecmp.dircmp(left, right)
    return not (compared.left_only or compared.right_only or compared.diff_files or compared.funny_files) and all(
        same(Path(left, name), Path(right, name)) for name in compared.common_dirs)


def applied_faults(names, cpus, script, service):
    """What host-setup makes of profiles, below a root."""
    with tempfile.TemporaryDirectory() as folder:
        before, root = Path(folder, "before"), Path(folder, "root")
        (before / "etc/rebuilder").mkdir(parents=True)
        (before / "etc/rebuilder/rebuilder.toml").write_text(DPDK_INPUT)
        (before / "etc/sysctl.d").mkdir()
        (before / "etc/sysctl.d/60-rebuilder.conf").write_text("vm.nr_hugepages = 7\n")
        shutil.copytree(before, root)

        def run(*arguments):
            return subprocess.run([script, "--root", root, f"--cpus={cpus}", *arguments], capture_output=True, text=True)

        dry = run("--dry-run", *names)
        if dry.returncode or not same(before, root):
            yield f"--dry-run: {dry.returncode}, {dry.stderr}; or it did something"
        done = run(*names)
        if done.returncode:
            yield f"{done.stderr}"
        if dry.stdout.replace("Nothing was done: --dry-run.", "Done.") != done.stdout:
            yield f"--dry-run said something else: {dry.stdout}"
        if "Nothing to do." not in (again := run(*names).stdout):
            yield f"not the same the second time: {again}"
        units = root / "etc/systemd/system"
        if units.is_dir():
            yield from unit_faults(units, service)
        if (grub := root / "etc/default/grub.d/60-rebuilder.cfg").exists():
            line = subprocess.run(["sh", "-eu", "-c", f'GRUB_CMDLINE_LINUX=quiet; . {grub}; echo "$GRUB_CMDLINE_LINUX"'],
                                  capture_output=True, text=True)
            if not line.stdout.startswith("quiet ") or line.stderr:
                yield f"{grub.name}: {line.stdout}{line.stderr}"
        undone = run("--undo")
        if undone.returncode or not same(before, root):
            yield f"--undo left something: {undone.stdout}{undone.stderr}"


def unit_faults(units, service):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(units, folder, dirs_exist_ok=True, symlinks=True)
        for text, where in ((service.read_text(), "rebuilder.service"),
                            (Path(units, "rebuilder-bind.service").read_text()
                             if Path(units, "rebuilder-bind.service").exists() else None, "rebuilder-bind.service")):
            if text is None:
                continue
            Path(folder, where).write_text(re.sub(r"^(ExecStart=)\S+", r"\1/bin/true", text, flags=re.MULTILINE))
            said = subprocess.run(["systemd-analyze", "verify", "--man=no", f"./{where}"], cwd=folder,
                                  capture_output=True, text=True).stderr
            yield from (line for line in said.splitlines() if "rebuilder" in line)


def bind_faults(script):
    """A device that the default route leads through is left to the kernel."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "etc/rebuilder").mkdir(parents=True)
        (root / "etc/rebuilder/rebuilder.toml").write_text(DPDK_INPUT)
        (root / "sys/bus/pci/devices/0000:00:06.0/net/ens6").mkdir(parents=True)
        (root / "proc/net").mkdir(parents=True)
        line = "{}\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"

        def bind(interface, *more):
            (root / "proc/net/route").write_text("Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\t"
                                                 "MTU\tWindow\tIRTT\n" + line.format(interface))
            return subprocess.run([script, "--root", root, "--bind", "vfio-pci", *more], capture_output=True, text=True)

        for interface, more, status, sentence in (
                ("ens5", [], 0, "0000:00:06.0 goes to vfio-pci"),
                ("ens6", [], 2, "0000:00:06.0 is ens6, which the default route leads through"),
                ("ens6", ["--take-default-route"], 0, "0000:00:06.0 goes to vfio-pci")):
            done = bind(interface, *more)
            if done.returncode != status or sentence not in done.stdout + done.stderr:
                yield f"--bind with a route through {interface} {more}: {done}"


def main(root, rebuilder):
    if not shutil.which("systemd-analyze"):
        print("skipped: systemd-analyze is not installed")
        return 77
    root = Path(root)
    script, service = root / "scripts/host-setup", root / "app/rebuilder/rebuilder.service"
    setup = load(script)
    sizes, cards = (sorted((root / "drivers-config" / name).glob("*.toml")) for name in ("profiles", "nic"))
    faults = [f"{file.name}: {fault}" for file in sizes + cards for fault in profile_faults(file, setup, rebuilder)]
    # Each file once, with what it would be used with.
    for index in range(max(len(sizes), len(cards))):
        names = [sizes[index % len(sizes)].stem, cards[index % len(cards)].stem]
        cpus = int(setup.Profile(names).settings["cpus"])
        faults += [f"{' '.join(names)}: {fault}" for fault in applied_faults(names, cpus, script, service)]
    faults += bind_faults(script)
    readme = (root / "drivers-config/README.md").read_text(encoding="utf-8")
    faults += [f"README.md doesn't name {file.stem}" for file in cards if f"`{file.stem}`" not in readme]
    configparser.ConfigParser().read_string((root / "drivers-config/tuned/tuned.conf").read_text())
    print(*faults, f"{len(sizes)} sizes, {len(cards)} cards, {len(faults)} faults", sep="\n")
    return 1 if faults or not sizes or not cards else 0


if __name__ == "__main__":
    sys.exit(main(*map(os.path.abspath, sys.argv[1:])) if len(sys.argv) == 3 else __doc__.strip())
