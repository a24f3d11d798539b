#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The image's first boot against an IMDS of our own: good, bad, missing and late user data; and that the image's files
are what systemd and HCL take.

    first_boot_test.py REBUILDER SOURCE_ROOT
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from imds_server import meta_of_interfaces, serving
from report import Report

OLD = 'input = ["af_packet:lo"]\noutput = ["null"]\n'
GOOD = 'input = ["af_packet:lo"]\noutput = ["http://alb.example:8445"]\nset-header = ["X-Secret: yes"]\n'


class Instance:
    """A root folder with the old configuration, set up by a profile as the image is."""

    def __init__(self, folder, root, rebuilder):
        self.folder, self.root, self.rebuilder = Path(folder), root, rebuilder
        self.config = self.folder / "etc/rebuilder/rebuilder.toml"
        self.config.parent.mkdir(parents=True)
        self.config.write_text(OLD)
        self.host_setup = root / "scripts/host-setup"
        subprocess.run([self.host_setup, "--root", folder, "--cpus", "8", "ec2-2xlarge"], check=True,
                       stdout=subprocess.DEVNULL)
        self.old = self.config.read_text()

    def with_devices(self, *devices):
        """Network interfaces as /sys has them: (name, mac, PCI address, None of a virtual one)."""
        for name, mac, pci in devices:
            folder = self.folder / "sys/class/net" / name
            folder.mkdir(parents=True)
            (folder / "address").write_text(f"{mac}\n")
            if pci:
                (self.folder / "sys/devices" / pci).mkdir(parents=True)
                (folder / "device").symlink_to(self.folder / "sys/devices" / pci)
        return self

    def boot(self, imds, seconds=20):
        environment = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        return subprocess.run(
            [self.root / "scripts/ami/first-boot", "--imds", imds, "--root", self.folder,
             "--sys", self.folder / "sys", "--rebuilder", self.rebuilder,
             "--host-setup", self.host_setup, "--seconds", str(seconds)], capture_output=True, text=True, timeout=60,
            env=environment | {"http_proxy": "http://192.0.2.1:9"})  # which it must not ask


def first_boots(report, root, rebuilder):
    cases = {
        "good": (GOOD.encode(), "the configuration is that of the user data", GOOD),
        "none": (None, "no user data", None),
        "empty": (b" \n", "no user data", None),
        "a script": (b"#!/bin/sh\nreboot\n", "isn't TOML", None),
        "bytes": (b"\xff\xfe\x00", "isn't TOML", None),
        "an unknown key": (GOOD.encode() + b'colour = "red"\n', "is refused", None),
        "a bad value": (GOOD.encode() + b'max-body = "lots"\n', "is refused", None),
        "no output": (b'input = ["af_packet:lo"]\n', "no input and output", None),
    }
    for name, (data, sentence, expected) in cases.items():
        with tempfile.TemporaryDirectory() as folder, serving(data) as imds:
            instance = Instance(folder, root, rebuilder)
            done = instance.boot(imds.url)
            said = f"{done.stdout}{done.stderr}"
            report.check(f"{name}: one line says so", sentence in done.stdout and done.stdout.count("\n") < 4, said)
            report.equal(f"{name}: a configuration is in force", 0, done.returncode)
            now = instance.config.read_text()
            if expected is None:
                report.equal(f"{name}: it is the old one", instance.old, now)
            else:
                report.check(f"{name}: it is the new one", now.startswith(expected), now)
                report.check(f"{name}: with what the profile has besides", "\nworkers = 2\n" in now, now)
                report.equal(f"{name}: only for root and the service", 0o640, instance.config.stat().st_mode & 0o777)
            report.check(f"{name}: no other file is left", [file.name for file in instance.config.parent.iterdir()]
                         == ["rebuilder.toml"])
            report.check(f"{name}: secrets aren't said", "X-Secret" not in said, said)


def late_and_absent(report, root, rebuilder):
    with tempfile.TemporaryDirectory() as folder, serving(GOOD.encode(), failures=3) as imds:
        instance = Instance(folder, root, rebuilder)
        done = instance.boot(imds.url)
        report.check("an IMDS that is late is waited for",
                     "is that of the user data" in done.stdout and imds.asked.count("/latest/api/token") == 4, done)
    with tempfile.TemporaryDirectory() as folder:
        instance = Instance(folder, root, rebuilder)
        begin = time.monotonic()
        done = instance.boot("http://127.0.0.1:1", seconds=1)
        report.check("one that never comes isn't, for longer than it should", time.monotonic() - begin < 5)
        report.check("and the old configuration stays", done.returncode == 0 and "no user data" in done.stdout
                     and instance.config.read_text() == instance.old, done)


MIRROR_MAC, OUTPUT_MAC = "0e:00:00:00:00:0a", "0e:00:00:00:00:0b"
DEVICES = (("ens5", MIRROR_MAC, "0000:00:05.0"), ("ens6", OUTPUT_MAC, "0000:00:06.0"), ("lo", "00:00:00:00:00:00", None),
           ("br0", OUTPUT_MAC, None))
NETWORK = {"etc/systemd/network/05-rebuilder-mirror.network", "etc/systemd/network/05-rebuilder-output.network",
           "etc/sysctl.d/60-rebuilder-network.conf"}
TAP = {"etc/systemd/network/05-rebuilder-rb0.netdev", "etc/systemd/network/05-rebuilder-rb0.network"}


def boot_of(root, rebuilder, text, *interfaces):
    """What was said, the configuration, and the files that set up the network, by name."""
    with tempfile.TemporaryDirectory() as folder, serving(text.encode(), meta=meta_of_interfaces(*interfaces)) as imds:
        instance = Instance(folder, root, rebuilder).with_devices(*DEVICES)
        done = instance.boot(imds.url)
        files = [*Path(folder, "etc/systemd/network").glob("*"), *Path(folder, "etc/sysctl.d").glob("*network*")]
        return done.stdout + done.stderr, instance.config.read_text(), {
            str(file.relative_to(folder)): file.read_text() for file in files}


def by_device_number(report, root, rebuilder):
    both = ((OUTPUT_MAC, 1, "10.0.1.6"), (MIRROR_MAC, 0, "10.0.1.5\n10.0.1.7"))
    rest = 'output = ["http://alb.example:8445"]\n'
    said, config, files = boot_of(root, rebuilder, f'input = ["af_packet:device-0"]\n{rest}', *both)
    report.check("the kernel's interface: the configuration has its name", config.startswith('input = ["af_packet:ens5"]\n'),
                 said + config)
    report.equal("the kernel's interface: the network's files", NETWORK, set(files))
    mirror = files.get("etc/systemd/network/05-rebuilder-mirror.network", "")
    for line in ("Name=ens5", "RouteTable=100", "From=10.0.1.5", "Table=100", "UseDNS=no"):
        report.check(f"the mirror's interface: {line}", f"\n{line}\n" in mirror, mirror)
    output = files.get("etc/systemd/network/05-rebuilder-output.network", "")
    report.check("the other has the default route", "\nName=ens6\n" in output and "RouteTable" not in output, output)

    said, config, files = boot_of(
        root, rebuilder, f"input = ['dpdk:device-0,control_path_poll_interval=500']\nexception-path = \"tap\"\n{rest}", *both)
    report.check("DPDK's: the configuration has its PCI address",
                 config.startswith("input = ['dpdk:0000:00:05.0,control_path_poll_interval=500']\n"), said + config)
    report.equal("DPDK's: the network's files, those of rb0 among them", NETWORK | TAP, set(files))
    netdev = files.get("etc/systemd/network/05-rebuilder-rb0.netdev", "")
    report.check("rb0 is the service's", "User=rebuilder" in netdev, netdev)
    # In the .network file: networkd ignores it in a tap's .netdev.
    mac = f"RequiredForOnline=no\nMACAddress={MIRROR_MAC}\n"
    report.check("rb0 has the MAC address, and answers as the interface did",
                 files.get("etc/systemd/network/05-rebuilder-rb0.network", "")
                 == mirror.replace("ens5", "rb0").replace("RequiredForOnline=no\n", mac), files)

    said, config, files = boot_of(root, rebuilder, f'input = ["af_packet:device-0"]\n{rest}', both[1])
    report.check("with one interface, the network stays as it is", "af_packet:ens5" in config and not files, said + str(files))
    said, config, files = boot_of(root, rebuilder, f'input = ["af_packet:device-1"]\n{rest}', both[1])
    report.check("a device that isn't there is said, and nothing done", "no network interface with device number 1;" in said
                 and "device" not in config and not files, said + config)
    said, config, files = boot_of(root, rebuilder, f'input = ["af_packet:lo"]\n{rest}', *both)
    report.check("who names an interface has set it up", "af_packet:lo" in config and not files, said + str(files))


def image_files(report, root):
    ami = root / "scripts/ami"
    if shutil.which("systemd-analyze"):
        with tempfile.TemporaryDirectory() as folder:
            names = ["rebuilder-agent.service", "rebuilder-first-boot.service"]
            for name in names:
                text = (ami / name).read_text()
                Path(folder, name).write_text(re.sub(r"^(ExecStart=)\S+", r"\1/bin/true", text, flags=re.MULTILINE))
            said = subprocess.run(["systemd-analyze", "verify", "--man=no", *(f"./{name}" for name in names)], cwd=folder,
                                  capture_output=True, text=True).stderr
            report.equal("systemd takes the image's units", [], [line for line in said.splitlines()
                                                                 if any(name in line for name in names)])
    template = (ami / "rebuilder.pkr.hcl").read_text()
    report.check("every variable is declared", set(re.findall(r"\bvar\.(\w+)", template)) <=
                 set(re.findall(r'^variable "(\w+)"', template, re.MULTILINE)))
    parsed = subprocess.run(["node", "-e", PARSE, ami / "rebuilder.pkr.hcl"], capture_output=True, text=True,
                            cwd=root / "tests/terraform") \
        if shutil.which("node") else None
    if parsed and parsed.returncode == 0:
        tree = json.loads(parsed.stdout)
        source = tree["source"]["amazon-ebs"]["debian13"][0]
        report.equal("HCL: IMDSv2 is required", "required", source["metadata_options"][0]["http_tokens"])
        files = tree["build"][0]["provisioner"]["file"][0]["sources"]
        report.check("HCL: what is copied is there", all((ami / name).exists() for name in files if "$" not in name), files)
    else:
        plain = re.sub(r'"(?:\$\{[^}]*\}|[^"\\]|\\.)*"|#.*', "", template)
        report.check("the template's brackets close", all(plain.count(a) == plain.count(b) for a, b in ("{}", "[]", "()")))
        report.check("IMDSv2 is required", re.search(r'http_tokens\s*=\s*"required"', template))


PARSE = """
const {parse} = require('@cdktf/hcl2json');
parse('x.hcl', require('fs').readFileSync(process.argv[1], 'utf8')).then(tree => console.log(JSON.stringify(tree)))
    .catch(error => { console.error(error); process.exit(1); });
"""


def main(rebuilder, root):
    report = Report()
    first_boots(report, Path(root), rebuilder)
    late_and_absent(report, Path(root), rebuilder)
    by_device_number(report, Path(root), rebuilder)
    image_files(report, Path(root))
    return report.close()


if __name__ == "__main__":
    sys.exit(main(*map(os.path.abspath, sys.argv[1:3])))
