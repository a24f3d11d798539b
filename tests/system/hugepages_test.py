#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hugepages go back to the kernel however the rebuilder ends, so that it can be started again and again: at its own end, and
when it is killed. Skipped where too few are free (`echo 128 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages`). And whether
there are enough is said by `check` as a run would find it, of a host that is made up.

    hugepages_test.py PATH_OF_REBUILDER
"""

import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from lab import wait_until
from program import SKIP, Program
from report import Report

NEEDED_KIB = 160 << 10  # a queue's buffers, and EAL's own


def free_kib():
    facts = dict(re.findall(r"^(\w+): +(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE))
    return (int(facts["HugePages_Free"]) - int(facts["HugePages_Rsvd"])) * int(facts["Hugepagesize"])


def check_counts(report, binary):
    """With so many free pages of 2 MB; a run needs 64."""
    for free, says in ((1, "# advice: running without hugepages"), (80, "# fine: hugepages: 80 of 80 free with 2M")):
        with tempfile.TemporaryDirectory() as folder:
            pages = Path(folder, "hugepages-2048kB")
            pages.mkdir()
            for name, number in (("nr", free), ("free", free), ("resv", 0)):
                (pages / f"{name}_hugepages").write_text(f"{number}\n")
            done = subprocess.run(
                ["unshare", "-m", "sh", "-ec", 'mount --bind "$0" /sys/kernel/mm/hugepages; exec "$@"', folder, binary, "check",
                 "--input", "vdev:net_null0", "--output", "null"], capture_output=True, text=True, timeout=20)
        if "# " not in done.stdout:
            print(f"left out: no host can be made up here: {done.stderr.strip()}")
            return
        report.check(f"check knows what {free} pages are good for", says in done.stdout, done.stdout)


def main(binary):
    report = Report()
    check_counts(report, binary)
    before = free_kib()
    if report.failed:
        return report.close()
    if before < NEEDED_KIB:
        print(f"skipped: {before >> 10} MB of hugepages are free, {NEEDED_KIB >> 10} MB are needed")
        return SKIP
    with tempfile.TemporaryDirectory() as folder:
        for how in (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
            program = Program(Path(folder), binary, "run", "--input", "vdev:net_null0,size=64", "--output", "null",
                              "--health-listen", "none", "--admin-listen", "none")
            try:
                wait_until(program.is_ready, 20, "rebuilder: ready")
                report.check("it runs on hugepages", free_kib() < before, (before, free_kib(), program.said()))
                program.process.send_signal(how)
                program.process.wait(20)
            finally:
                program.kill()
            report.equal(f"all are free again behind {how.name}", before, free_kib())
    return report.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
