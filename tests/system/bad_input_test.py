#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a user gets for each mistake: one sentence that names the thing, the right exit status, no hang.

    bad_input_test.py PATH_OF_REBUILDER
"""

import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from report import Report

FIXTURES = Path(__file__).resolve().parent.parent.parent / "pcap-fixtures"
CAPTURE = FIXTURES / "real-clients.pcap"
FINE = f"pcap:{CAPTURE}"
RUN_TIME, USAGE = (1,), (2,)
EITHER = RUN_TIME + USAGE  # a name in the arguments that leads nowhere: both are true of it
# What a run may say besides the sentence: that it is up, that there are no hugepages, and the ledger.
NO_COMPLAINT = re.compile(r"rebuilder: ready|.*without hugepages|ledger|\s|$")


class Checks:
    def __init__(self, binary, folder):
        self.binary = Path(binary).resolve()
        self.folder = folder
        self.report = Report()

    def refused(self, what, status, named, *arguments):
        """The command ends with the status and one sentence on stderr in which `named` stands."""
        try:
            done = subprocess.run([str(self.binary), *map(str, arguments)], stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=40, cwd=self.folder)
        except subprocess.TimeoutExpired:
            self.report.check(what, False, "it did not end")
            return None
        stderr = done.stderr.decode(errors="replace")
        said = [line for line in stderr.splitlines() if not NO_COMPLAINT.match(line)]
        faults = []
        if done.returncode not in status:
            faults.append(f"status {done.returncode}, not {' or '.join(map(str, status))}")
        if len(said) != 1:
            faults.append(f"{len(said)} lines, not one")
        faults += [f"'{name}' is not named" for name in map(str, named) if name not in " ".join(said)]
        self.report.check(what, not faults, f"{'; '.join(faults)}\n        it said: {stderr.strip()}")
        return done

    def run_refused(self, what, status, named, source, output, *more):
        """The same for `run` with this input and output."""
        if "--health-listen" not in more:
            more += ("--health-listen", "none")
        return self.refused(what, status, named, "run", "--input", source, "--output", output,
                            "--admin-listen", "none", *more)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content) if isinstance(content, bytes) else path.write_text(content)
        return path


def cut_in_a_record(capture, records):
    """The capture's first `records` records and half of the next one."""
    position = 24
    for _ in range(records):
        position += 16 + struct.unpack_from("<I", capture, position + 8)[0]
    return capture[:position + 16 + struct.unpack_from("<I", capture, position + 8)[0] // 2]


def arguments(checks):
    """Refused before anything is opened."""
    checks.refused("unknown option", USAGE, ["--inptu"], "run", "--inptu", FINE)
    checks.refused("unknown command", USAGE, ["rum"], "rum")
    checks.run_refused("unknown input scheme", USAGE, ["carrier-pigeon:eth0"], "carrier-pigeon:eth0", "null")
    checks.run_refused("unknown output scheme", USAGE, ["ftp://127.0.0.1:21"], FINE, "ftp://127.0.0.1:21")
    for port in ("0", "65536", "eighty", "80x", "-1"):
        output = f"http://127.0.0.1:{port}"
        checks.run_refused(f"bad output port '{port}'", USAGE, [output], FINE, output)
    checks.run_refused("bad health port", USAGE, ["127.0.0.1:65536"], FINE, "null",
                       "--health-listen", "127.0.0.1:65536")
    for option, value in (("--set-header", "Content-Length: 3"), ("--set-header", "X-A: b\r\nX-B: c"),
                          ("--set-header", "X-A"), ("--remove-header", "Host"), ("--redact-header", "X A"),
                          ("--remove-header", "X-Forwarded-For"), ("--client-ip", "drop"),
                          ("--client-ip-header", "X-Server-Addr")):
        checks.run_refused(f"bad {option} {value!r}", USAGE, [option], FINE, "http://127.0.0.1:9", option, value)
    checks.run_refused("bad number", USAGE, ["--workers", "many"], FINE, "null", "--workers", "many")

    few = "--lcores gives 1 worker lcores beside the main one, 2 are needed"
    checks.run_refused("too few lcores", USAGE, [few], FINE, "null", "--lcores", "0@0,1@0", "--workers", "2")
    checks.refused("check: too few lcores", USAGE, [few], "check", "--input", FINE, "--output", "null", "--lcores",
                   "0@0,1@0", "--workers", "2")

    for option, value, named in (
            ("--allow", "shop.example.com", "shop.example.com"),
            ("--allow", "path=(", "missing )"),
            ("--deny", "host=shop:80", "port"),
            ("--deny", "host=a,cidr=10.0.0.1/8", "10.0.0.1/8"),
            ("--deny", "header=User-Agent", "header=User-Agent"),
            ("--sample", "10", "share"),
            ("--sample", "10%:cookie", "key"),
            ("--max-rate", "-1", "-1")):
        checks.run_refused(f"bad {option} {value}", USAGE, [option, named], FINE, "null", option, value)
        checks.refused(f"check: bad {option} {value}", USAGE, [option, named], "check", option, value)


def configuration(checks):
    unknown = checks.file("unknown-key.toml", 'input = "pcap:x.pcap"\noutput = "null"\ncolour = "green"\n')
    checks.refused("unknown key in the configuration", USAGE, [unknown.name, "colour"], "run", "-c", unknown)
    malformed = checks.file("malformed.toml", 'input = "pcap:x.pcap"\noutput = = "null"\n')
    checks.refused("malformed configuration", USAGE, [malformed.name], "run", "-c", malformed)
    missing = checks.folder / "nowhere.toml"
    checks.refused("missing configuration", USAGE, [missing.name], "run", "-c", missing)


def inputs(checks):
    missing = checks.folder / "missing.pcap"
    text = checks.file("letter.pcap", "Dear Sir or Madam, this is not a capture.\n" * 10)
    empty = checks.file("empty.pcap", b"")
    for what, path in (("missing capture", missing), ("not a capture", text), ("empty file", empty)):
        checks.run_refused(f"run: {what}", EITHER, [path.name], f"pcap:{path}", "null")
        checks.refused(f"replay: {what}", EITHER, [path.name], "replay", path)
    pipe = checks.folder / "pipe"
    os.mkfifo(pipe)
    checks.refused("replay: a pipe, which can't be looked at first", USAGE, [pipe.name, "--tunnel"], "replay", pipe)
    # It may come yet: the service manager tries again after status 1, and not after 2.
    checks.run_refused("interface that isn't there", RUN_TIME, ["nosuch0"], "af_packet:nosuch0", "null")
    checks.run_refused("device that isn't there", RUN_TIME, ["00ff:1f:1e.7"], "dpdk:00ff:1f:1e.7", "null")

    cut = checks.file("cut.pcap", cut_in_a_record(CAPTURE.read_bytes(), 100))
    done = checks.refused("replay: cut capture", RUN_TIME, [cut.name], "replay", cut)
    if done:
        expected = CAPTURE.with_suffix(".expect").read_bytes()
        checks.report.check("replay: cut capture: the requests before the cut are printed",
                            done.stdout and expected.startswith(done.stdout), done.stdout[:300])


def unprintable(checks):
    """What is printed, when it can't be."""
    for what, *arguments in (("check", "check", "--input", FINE, "--output", "null"), ("why", "replay", "--why", CAPTURE),
                             ("explain", "replay", "--explain", "--output", "null", CAPTURE), ("help", "run", "--help"),
                             ("records", "replay", CAPTURE)):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([str(checks.binary), *map(str, arguments)], stdout=full, stderr=subprocess.PIPE, timeout=40)
        said = done.stderr.decode()
        checks.report.check(f"{what}: a full standard output is said, with status 1",
                            done.returncode == 1 and said.startswith("rebuilder: "), f"{done.returncode} {said}")


def outputs(checks):
    unwritable = checks.folder / "no-such-folder" / "requests.jsonl"
    checks.run_refused("jsonl output that cannot be written", EITHER, [unwritable],
                       FINE, f"jsonl:{unwritable}")

    what = "output that refuses connections"
    ledger_file = checks.folder / "ledger.json"
    with socket.socket() as closed:  # bound, so that nobody else gets it, but not listening
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        checks.run_refused(what, RUN_TIME, [url], FINE, url, "--ledger", ledger_file)
    ledger = json.loads(ledger_file.read_text()) if ledger_file.exists() else {}
    laws, output = ledger.get("laws"), next(iter(ledger.get("outputs", [])), {}).get("counters", {})
    checks.report.check(f"{what}: every law holds", laws and all(law["holds"] for law in laws), laws)
    checks.report.check(f"{what}: all of them are failed_connect",
                        0 < output.get("handed_off", 0) == output.get("failed_connect"), output)

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        checks.run_refused("health port that is taken", RUN_TIME, [address], FINE, "null",
                           "--health-listen", address)


def ledger(checks):
    """Refused before the run, not when it is over; and the ledger of the run before is still there then."""
    run = ("run", "--input", FINE, "--output", "null", "--health-listen", "none", "--admin-listen", "none")
    commands = (run, ("replay", "--output", "null", CAPTURE), ("check", "--input", FINE, "--output", "null"))
    output = checks.folder / "not-made.jsonl"
    for path, why in ((checks.folder / "no-such-folder" / "ledger.json", "No such file or directory"),
                      (checks.folder, "Is a directory"), (CAPTURE / "ledger.json", "Not a directory")):
        for command in commands:
            checks.refused(f"{command[0]}: ledger {path}", USAGE, [f"--ledger {path}: can't be written: {why}"], *command,
                           "--ledger", path)
    unwritable = checks.folder / "no-such-folder" / "ledger.json"
    checks.refused("replay: unwritable ledger, and an output", USAGE, [unwritable], "replay", "--output", f"jsonl:{output}",
                   "--ledger", unwritable, CAPTURE)
    checks.report.check("an unwritable ledger is found before the outputs are opened", not output.exists(), output)

    old = checks.file("old-ledger.json", "the run before")
    checks.refused("run: another reason than the ledger", EITHER, ["missing.pcap"], "run", "--input", "pcap:missing.pcap",
                   "--output", "null", "--health-listen", "none", "--admin-listen", "none", "--ledger", old)
    checks.report.check("a run that is refused leaves an older ledger", old.read_text() == "the run before", old.read_text())
    new = checks.folder / "new-ledger.json"
    pipe = checks.folder / "ledger-pipe"
    os.mkfifo(pipe)
    for path in (old, new, pipe, "/dev/stdout", new.name):
        done = subprocess.run([str(checks.binary), *commands[2], "--ledger", str(path)], cwd=checks.folder,
                              capture_output=True, timeout=40)
        checks.report.check(f"check: ledger {path} will do", done.returncode == 0 and b"All that is needed" in done.stdout,
                            done.stderr)
    checks.report.check("check: makes no ledger", old.read_text() == "the run before" and not new.exists(), new)
    for path in (old, new):
        subprocess.run([str(checks.binary), *map(str, commands[1]), "--ledger", str(path)], capture_output=True, timeout=40)
        checks.report.check(f"replay: ledger {path} is written", path.read_text().startswith("{"), path.read_text()[:100])


def main(binary):
    with tempfile.TemporaryDirectory(prefix="rebuilder-bad-input-") as folder:
        checks = Checks(binary, Path(folder))
        for group in (arguments, configuration, inputs, unprintable, outputs, ledger):
            group(checks)
        return checks.report.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
