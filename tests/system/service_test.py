#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A running rebuilder as its surroundings see it: health checks, the ledger over HTTP, and a stop that ends in time
although frames never stop coming (DPDK's net_null always has some).

    service_test.py REBUILDER
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

from report import Report


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(port, path, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def main(rebuilder):
    report = Report()
    health, admin = free_port(), free_port()
    ledger_file = tempfile.NamedTemporaryFile(suffix=".json")
    process = subprocess.Popen(
        [rebuilder, "run", "--input", "vdev:net_null0,size=128", "--output", "null", "--ledger", ledger_file.name,
         "--health-listen", f"127.0.0.1:{health}", "--admin-listen", f"127.0.0.1:{admin}"],
        stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            if line.startswith("rebuilder: ready"):
                break
        time.sleep(0.3)
        report.check("the health check is 200 OK", ask(health, "/-/healthcheck") == (200, "OK"))
        report.check("ping is 200 PONG", ask(health, "/-/ping") == (200, "PONG"))
        report.check("anything else is 405", ask(health, "/")[0] == 405)
        report.check("another method is 405", ask(health, "/-/healthcheck", "POST")[0] == 405)
        first = json.loads(ask(admin, "/ledger")[1])["counters"]["frames"]
        time.sleep(0.2)
        report.check("the ledger moves", json.loads(ask(admin, "/ledger")[1])["counters"]["frames"] > first)

        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=20)
        report.check("it stops in 3 seconds under frames that never pause", time.monotonic() - begin < 3)
        report.check("with status 0", process.returncode == 0, rest)
        with open(ledger_file.name) as file:
            books = json.load(file)
        report.check("every law holds", all(law["holds"] for law in books["laws"]), json.dumps(books["laws"]))
        report.check("every frame is accounted for as no tunnel's",
                     books["counters"]["frames"] == books["counters"]["frame_not_tunnel"] > first)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    return report.close()


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1])))
