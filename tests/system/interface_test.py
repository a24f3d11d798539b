#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An af_packet input whose interface is down, is up again, and is taken away and comes back under its name, as one that is
attached to an instance anew. That is another interface, of which the sockets see nothing: the run ends, to be started again.

    interface_test.py REBUILDER
"""

import contextlib
import subprocess
import sys

import lab as laboratory
from lab import Lab, Rebuilder, wait_until
from program import SKIP
from report import Report

PORT = 9445


def main(binary):
    if reason := laboratory.unavailable():
        print(f"skipped: {reason}")
        return SKIP
    report = Report()
    with Lab() as lab:
        host = lab.host("appliance")

        def plug():
            host.ip("link", "add", "mirror", "type", "veth", "peer", "name", "other")
            for interface in ("mirror", "other"):
                host.ip("link", "set", interface, "up")

        def health():
            return host.run("curl", "-s", "-m", 2, f"127.0.0.1:{PORT}/-/healthcheck", stdout=-1, check=False).stdout.decode()

        plug()
        rebuilder = Rebuilder(host, binary, "run", "--input", "af_packet:mirror", "--output", "null", "--health-listen",
                              f"127.0.0.1:{PORT}", "--admin-listen", "none")
        down = "af_packet:mirror is down"
        for what, words in (("down", ("link", "set", "mirror", "down")), ("gone", ("link", "del", "mirror"))):
            wait_until(lambda: health() == "OK", 5, "health")
            host.ip(*words)
            report.equal(f"{what}: the health check says so", down, wait_until(lambda: health() == down and down, 5, down))
            report.check(f"{what}: it runs on", rebuilder.process.poll() is None)
            if what == "down":
                host.ip("link", "set", "mirror", "up")
        plug()
        with contextlib.suppress(subprocess.TimeoutExpired):
            rebuilder.process.wait(10)
        report.equal("another under its name: it ends with status 1", 1, rebuilder.process.poll())
        report.check("and says why", "af_packet:mirror: the device is gone" in rebuilder.said(), rebuilder.said())
    return report.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
