#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hugepages go back to the kernel however the rebuilder ends, so that it can be started again and again: at its own end, and
when it is killed. Skipped where too few are free (`echo 128 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages`).

    hugepages_test.py PATH_OF_REBUILDER
"""

import re
import signal
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


def main(binary):
    before = free_kib()
    if before < NEEDED_KIB:
        print(f"skipped: {before >> 10} MB of hugepages are free, {NEEDED_KIB >> 10} MB are needed")
        return SKIP
    report = Report()
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
