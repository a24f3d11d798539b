#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The image's first boot against an IMDS of our own: good, bad, missing and late user data; and that the image's files
are what systemd and HCL take.

    first_boot_test.py REBUILDER SOURCE_ROOT
"""

import contextlib
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from report import Report

TOKEN = "a-token-of-this-test"
OLD = 'input = ["af_packet:lo"]\noutput = ["null"]\n'
GOOD = 'input = ["af_packet:lo"]\noutput = ["http://alb.example:8445"]\nset-header = ["X-Secret: yes"]\n'


class Imds(http.server.ThreadingHTTPServer):
    """IMDSv2 with this user data; None: none was given. The first `failures` requests for a token get 503."""

    def __init__(self, data, failures=0):
        super().__init__(("127.0.0.1", 0), ImdsHandler)
        self.data, self.failures, self.asked = data, failures, []


class ImdsHandler(http.server.BaseHTTPRequestHandler):
    def do_PUT(self):
        self.server.asked.append(self.path)
        self.server.failures -= 1
        if self.server.failures >= 0:
            return self.answer(503)
        seconds = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
        good = self.path == "/latest/api/token" and seconds and 1 <= int(seconds) <= 21600
        return self.answer(200, TOKEN.encode()) if good else self.answer(400)

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.headers.get("X-aws-ec2-metadata-token") != TOKEN:
            return self.answer(401)  # IMDSv1 is off
        if self.path != "/latest/user-data" or self.server.data is None:
            return self.answer(404)
        return self.answer(200, self.server.data)

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(data, failures=0):
    server = Imds(data, failures)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


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

    def boot(self, imds, seconds=20):
        environment = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        return subprocess.run(
            [self.root / "scripts/ami/first-boot", "--imds", imds, "--root", self.folder, "--rebuilder", self.rebuilder,
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
            done = instance.boot(f"http://127.0.0.1:{imds.server_port}")
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
        done = instance.boot(f"http://127.0.0.1:{imds.server_port}")
        report.check("an IMDS that is late is waited for",
                     "is that of the user data" in done.stdout and imds.asked.count("/latest/api/token") == 4, done)
    with tempfile.TemporaryDirectory() as folder:
        instance = Instance(folder, root, rebuilder)
        begin = time.monotonic()
        done = instance.boot("http://127.0.0.1:1", seconds=1)
        report.check("one that never comes isn't, for longer than it should", time.monotonic() - begin < 5)
        report.check("and the old configuration stays", done.returncode == 0 and "no user data" in done.stdout
                     and instance.config.read_text() == instance.old, done)


def image_files(report, root):
    ami = root / "scripts/ami"
    if shutil.which("systemd-analyze"):
        with tempfile.TemporaryDirectory() as folder:
            text = (ami / "rebuilder-first-boot.service").read_text()
            Path(folder, "rebuilder-first-boot.service").write_text(
                re.sub(r"^(ExecStart=)\S+", r"\1/bin/true", text, flags=re.MULTILINE))
            said = subprocess.run(["systemd-analyze", "verify", "--man=no", "./rebuilder-first-boot.service"], cwd=folder,
                                  capture_output=True, text=True).stderr
            report.equal("systemd takes the first boot's unit", [], [line for line in said.splitlines() if "first-boot" in line])
    template = (ami / "rebuilder.pkr.hcl").read_text()
    parsed = subprocess.run(["node", "-e", PARSE, ami / "rebuilder.pkr.hcl"], capture_output=True, text=True) \
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
        report.check("every variable is declared", set(re.findall(r"\bvar\.(\w+)", template)) <=
                     set(re.findall(r'^variable "(\w+)"', template, re.MULTILINE)))
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
    image_files(report, Path(root))
    return report.close()


if __name__ == "__main__":
    sys.exit(main(*map(os.path.abspath, sys.argv[1:3])))
