#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real clients, a real server, the kernel's VXLAN mirror, the rebuilder, and a second real server in the
analyser's place: what the second one gets has to be what the first one got.

    mirror_test.py PATH_OF_REBUILDER
"""

import hashlib
import json
import sys
import time

import lab as laboratory
import traffic
from lab import MirrorLab, Nginx, Rebuilder, wait_until
from report import Report, difference

SKIP = 77


def essence(request):
    digest = hashlib.sha256(request["body"]).hexdigest()
    return request["method"], request["target"], request["host"], digest, len(request["body"])


def fields(request):
    return essence(request)[:2] + tuple(request[name] for name in (
        "content_type", "user_agent", "accept", "cookie"))


def ends_at_origin(request):
    """Between whom the request went, in the words that the rebuilder has to add: X-Forwarded-For,
    X-Server-Addr, X-Server-Port, X-Forwarded-Proto, X-Forwarded-Port."""
    client = request["peer"].rsplit(":", 1)[0]
    server = laboratory.ORIGIN_V6 if ":" in client else laboratory.ORIGIN_V4
    chain = ", ".join(filter(None, (request["forwarded_for"], client)))
    return essence(request), chain, server, "80", request["forwarded_proto"] or "http", "80"


def ends_at_waf(request):
    return (essence(request),) + tuple(request[name] for name in (
        "forwarded_for", "server_addr", "server_port", "forwarded_proto", "forwarded_port"))


def main(binary):
    if reason := laboratory.unavailable():
        print(f"skipped: {reason}")
        return SKIP
    report = Report()
    with MirrorLab() as lab:
        origin, waf = Nginx(lab.origin), Nginx(lab.waf)
        ledger_file = lab.folder / "ledger.json"
        rebuilder = Rebuilder(lab.appliance, binary, "run", "--input", "af_packet:mirror",
                              "--output", f"http://{laboratory.WAF}:80", "--ledger", ledger_file,
                              "--health-listen", "none", "--admin-listen", "none")
        sent = traffic.send(lab.client, lab.folder, 300_000)
        try:
            wait_until(lambda: waf.count() >= sent, 15, "all requests at the second server")
        except TimeoutError as missing:
            print(missing)
        time.sleep(0.5)  # for requests that should not come
        report.equal("the rebuilder ends with status 0 at SIGTERM", 0, rebuilder.stop())
        at_origin, at_waf = origin.requests(), waf.requests()

        report.equal("the first server got what was sent", sent, len(at_origin))
        statuses = {request["status"] for request in at_origin}
        report.equal("the first server answered all of it with 200", {"200"}, statuses)
        for what, view, view_at_waf in (("method, target, Host, body", essence, essence),
                                        ("Content-Type, User-Agent, Accept, Cookie", fields, fields),
                                        ("client and server addresses", ends_at_origin, ends_at_waf)):
            report.equal(f"the same at both servers: {what}", [],
                         difference(map(view, at_origin), map(view_at_waf, at_waf)))

        ledger = json.loads(ledger_file.read_text()) if ledger_file.exists() else {}
        report.check("the ledger has laws", bool(ledger.get("laws")), ledger)
        for law in ledger.get("laws", []):
            report.check(f"law: {law['name']}", law["holds"] and law["left"] == law["right"], law)
        counters = ledger.get("counters", {})
        report.equal("requests_rebuilt", sent, counters.get("requests_rebuilt"))
        report.equal("requests_started", sent, counters.get("requests_started"))
        report.equal("one output", 1, len(ledger.get("outputs", [])))
        for output in ledger.get("outputs", []):
            found = output["counters"]
            report.equal(f"{output['output']}: handed_off", sent, found.get("handed_off"))
            report.equal(f"{output['output']}: answered_2xx", sent, found.get("answered_2xx"))
        if report.failed:
            print(f"--- the rebuilder said:\n{rebuilder.said()}")
    return report.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
