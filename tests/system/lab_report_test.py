#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The counts in the laboratory's report, on a small run folder made by hand: each wrong count would be seen here. And the
attack set: what is sent is what was meant. Needs neither root nor a network.

    lab_report_test.py REBUILDER
"""

import json
import struct
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
from lablib import attack_set, attacks, charts, logs, report, waf  # noqa: E402
from lablib.facts import Facts, quantile  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent))
from report import Report as Checks  # noqa: E402

T = 1_800_000_000
KINDS = {"curl": {"what": "GET", "sent": 3, "answered": 3, "trouble": []},
         "h2load": {"what": "HTTP/2", "sent": 4, "answered": 4, "trouble": []},
         "uploads": {"what": "bodies", "sent": 1, "answered": 1, "trouble": []},
         "probe": {"what": "one", "sent": 1, "answered": 1, "trouble": []}}


def served(name, at, status=200, whole=True, uri="/", body="", method="GET"):
    return {"ts": T + at, "id": name, "method": method, "uri": uri, "protocol": "HTTP/1.1", "peer": "10.0.1.11:1", "status": status,
            "body": body, "whole": whole, "took": 0.001}


def seen(name, at, took=0.002, uri="/", truncated="", method="GET"):
    return {"id": name, "method": method, "uri": uri, "status": "200", "truncated": truncated, "time": str(T + at), "took": str(took)}


def found(name, *rules, header="X-Lab-Id"):
    return {"transaction": {"request": {"headers": {header: name}}, "messages": [{"details": {"ruleId": str(rule)}} for rule in rules]}}


def lines(path, entries):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def ledger(path, started, lost, answered, holds=True):
    path.write_text(json.dumps({
        "laws": [{"name": "all", "left": started, "right": started if holds else 0, "holds": holds}],
        "counters": {"requests_started": started, "requests_rebuilt": started - lost, "requests_lost_to_gap": lost, "tcp_gaps": lost},
        "outputs": [{"output": "http://10.0.4.11:8445", "counters": {"handed_off": answered, "answered_2xx": answered}},
                    {"output": "jsonl:-", "counters": {"handed_off": 1000, "written": 1000}}]}))


def run_folder(folder):
    """r1 is the run of traffic. One h2load target was served twice and arrived once; two clients went away; one request is
    there that nobody served; another run's are none of this report's business."""
    lines(folder / "origin1.access.jsonl", [
        served("r1-curl-1", 1.000), served("r1-curl-2", 2.000), served("r1-curl-3", 3.000),
        served("", 4.0, uri="/h2load?lab=r1-h2load-0.1"), served("", 4.1, uri="/h2load?lab=r1-h2load-0.1"),
        served("", 4.2, uri="/h2load?lab=r1-h2load-0.2"), served("r1-curl-4", 5, 400, False), served("r1-curl-5", 5, 499, False)])
    lines(folder / "origin2.access.jsonl", [
        served("", 4.3, uri="/h2load?lab=r1-h2load-0.3&more=1"), served("r1-uploads-1", 9, body="20000000", method="PUT"),
        served("other-curl-1", 9), served("r1-probe-1.1", 0.5)])
    with (folder / "origin2.access.jsonl").open("a") as file:
        file.write('{"ts": 1, "id": "r1-curl-9", "unfini')  # still being written
    lines(folder / "waf1/requests.jsonl", [
        seen("r1-curl-1", 1.012), seen("r1-curl-3", 3.102), seen("", 4.1, uri="/h2load?lab=r1-h2load-0.1"),
        seen("r1-uploads-1", 9.5, truncated="20000000", method="PUT"), seen("r1-curl-4", 5.1)])
    lines(folder / "waf2/requests.jsonl", [
        seen("r1-probe-1.1", 0.506), seen("r1-curl-2", 2.001), seen("", 4.3, uri="/h2load?lab=r1-h2load-0.2"),
        seen("", 4.4, uri="/h2load?lab=r1-h2load-0.3&more=1")])
    lines(folder / "waf1/audit.jsonl", [found("r1-curl-1", 942100, 949110), found("r1-attack-1", 941100)])
    lines(folder / "waf2/audit.jsonl", [found("r1-attack-2", 942100, 942130, header="x-lab-id"), found("r1-attack-4", 930100)])
    lines(folder / "direct/audit.jsonl", [found("r1-attack-1", 941100), found("r1-attack-2", 942130, 942100, 920180),
                                          found("r1-attack-3", 932100)])
    lines(folder / "alb/requests.jsonl", [{"id": "r1-attack-5", "status": 400, "node": "waf1"},
                                          {"id": "r1-attack-6", "status": 503, "node": "<NOSRV>"}])
    run = {"run": "r1", "started": T, "ended": T + 10, "seconds": 10, "rate": 1, "kinds": KINDS, "instances": 2, "waf_nodes": 2,
           "cpu": {"rebuilder1": 0.1, "rebuilder2": 0.25, "alb": 0.7}, "machine": {"cores": 2, "model": "a CPU", "kernel": "6.1"}}
    (folder / "traffic.json").write_text(json.dumps({"runs": [run]}))
    ledger(folder / "rebuilder1.ledger.json", 6, 1, 5)
    ledger(folder / "rebuilder2.ledger.json", 5, 0, 5)
    ledger(folder / "rebuilder2-1.ledger.json", 3, 0, 3)  # it was started again
    (folder / "faults.json").write_text(json.dumps([
        {"name": "kill", "what": "kill -9", "started": T + 2, "ended": T + 4, "expectation": "what was in it",
         "observed": {"served": 100, "delivered": 97, "lost": 3, "explained": 3}, "ok": True},
        {"name": "loss", "what": "1 % | of frames", "started": T + 5, "ended": T + 6, "expectation": "x",
         "observed": {"served": 50, "delivered": 40, "lost": 10, "explained": 9}, "ok": False, "faults": ["one too many"]},
        {"name": "kill", "what": "kill -9", "started": T + 7, "ended": T + 8, "window": [T + 7.1, T + 7.2], "expectation": "",
         "observed": {"served": 10, "delivered": 10, "lost": 0, "explained": 0}, "skipped": "", "ok": True},
        {"name": "pages", "what": "", "started": T, "ended": T, "expectation": "", "observed": {}, "skipped": "none here", "ok": True}]))
    (folder / "soak.json").write_text(json.dumps({
        "seconds": 1800, "rate": 60, "samples": [], "verdict": {"ok": True, "text": "flat"},
        "rules": [{"instance": "rebuilder1", "what": "files", "second_quarter": 30, "last_quarter": 39, "allowed": 38, "ok": False}],
        "rounds": [{"fault": {"name": "kill"}, "served": 70, "delivered": 69, "lost": 1, "unexplained": 0, "faults": []}]}))
    for number in (1, 2):
        lines(folder / f"rebuilder{number}.samples.jsonl", [
            {"ts": T + 60 * at, "pid": 1, "process": {"rss_kib": 1024 * (50 + at), "files": 30},
             "status": {"workers": [{"flows": at, "buffers": 1, "held": 0}]}} for at in range(1000)])


def counts(checks, folder):
    facts = Facts(folder)
    joined = facts.joined()
    checks.equal("joined: there and here", 8, joined.both)
    checks.equal("joined: a target that came once too few", {"r1-h2load-0.1": 1}, dict(joined.missing))
    checks.equal("joined: what the origin refused, and arrived", {"r1-curl-4": 1}, dict(joined.extra))
    kinds = {kind: [row.get(name, 0) for name in ("sent", "answered", "served", "arrived", "detected")]
             for kind, row in facts.by_kind().items()}
    checks.equal("by kind", {"curl": [3, 3, 3, 3, 1], "h2load": [4, 4, 4, 3, 0], "uploads": [1, 1, 1, 1, 0],
                             "probe": [1, 1, 1, 1, 0]}, kinds)
    checks.equal("cut at --max-body", 1, facts.truncated())
    # curl's 11, 0 (by the clocks -0) and 101 ms, h2load's 99; an upload and what came twice don't count.
    checks.equal("latencies", [0, 11, 99, 99, 101], [round(each) for each in facts.latencies(False)])
    checks.equal("latencies, one at a time", [5], [round(each) for each in facts.latencies(True)])
    checks.equal("the nearest rank", [1, 2, 4, 4], [quantile([1, 2, 3, 4], share) for share in (0.25, 0.5, 0.99, 1)])
    checks.equal("ledgers added up", (14, 1, 13, 3, 2, []), (
        facts.ledgers.counters["requests_started"], facts.ledgers.counters["requests_lost_to_gap"],
        facts.ledgers.counters["answered_2xx"], facts.ledgers.laws, len(facts.ledgers.instances), facts.ledgers.broken))
    checks.equal("CPU a request", (0.35, 43_750), tuple(round(each, 2) for each in facts.cpu()["rebuilder"]))
    checks.equal("per second", [("served by origins", 10), ("arrived at nodes", 9)],
                 [(name, sum(count for _, count in points)) for name, points in facts.per_second()])


def text(checks, folder):
    path = report.write(folder)
    said = path.read_text()
    for words in ("| Did every request that the origins served reach a WAF node? | 8 of 9 (88.88 %); 1 arrived that no origin logged "
                  "as served | **NO** |", "| 3 of 3 sums of 2 instance(s) close | yes |",
                  "| 2 of 3 faults as expected; 1 skipped | **NO** |",
                  "| kill | kill -9 | what was in it | 2 | 110 | 107 | 3 | 3 | yes |", "| skipped: none here |",
                  "* loss: one too many", "| rebuilder1 | files | 30 | 39 | 38 | **NO** |", "| kill | 70 | 69 | 1 | 0 | yes |",
                  "30 minutes at 60 requests/s: flat | yes |", "| 9 of 9 | yes |",
                  "| `requests_lost_to_gap` | a hole in the stream hit the request | 1 |", "1 % \\| of frames",
                  "Missing: 1: r1-h2load-0.1", "No attacks were sent in this run."):
        checks.check(f"the report says: {words[:60]}", words in said, said if words not in said else None)
    files = {file.name: file.stat().st_size for file in path.parent.iterdir()}
    checks.check("files are there, and small", "topology.svg" in files and sum(files.values()) < 200_000, files)

    with (folder / "waf1/requests.jsonl").open("a") as file:
        file.write(json.dumps(seen("", 4.2, uri="/h2load?lab=r1-h2load-0.1")) + "\n")
    checks.check("with the missing one, all arrived", "| 9 of 9 (100 %); 1 arrived that" in report.write(folder).read_text())
    ledger(folder / "rebuilder1.ledger.json", 6, 1, 5, holds=False)
    checks.check("a sum that doesn't close", "| 2 of 3 sums of 2 instance(s) close | **NO** |" in report.write(folder).read_text())


def empty(checks, folder):
    said = report.write(folder).read_text()
    checks.equal("an empty folder: each finding says so", 6, said.count(f"| {report.UNKNOWN} | - |"))


def comparison(checks, folder):
    known = {f"r1-attack-{number}": attack_set.Case(f"a{number}", "sqli") for number in range(1, 7)}
    with (folder / "origin1.access.jsonl").open("a") as file:
        for number in (1, 6):
            file.write(json.dumps(served(f"r1-attack-{number}", 20)) + "\n")
    with (folder / "waf1/requests.jsonl").open("a") as file:
        file.write(json.dumps(seen("r1-attack-1", 20.1)) + "\n")
    # origin2's log has a line that isn't finished: it ends there
    result = attacks.compare(folder, known, dict.fromkeys(known, 200), dict.fromkeys(known, 200) | {"r1-attack-4": 400})
    differences = {each["name"]: (each["only_direct"], each["only_mirrored"], bool(each["why"])) for each in result["differences"]}
    checks.equal("attacks: differences",
                 {"a2": ([920180], [], False), "a3": ([932100], [], False), "a4": ([], [930100], True)}, differences)
    checks.equal("attacks: by family", {"sqli": {"sent": 6, "served": 2, "arrived": 2, "detected": 3, "equal": 3}}, result["families"])
    checks.equal("attacks: served, not arrived", ["a6"], result["lost"])
    (folder / "attacks.json").write_text(json.dumps(result | {"corpus": 0, "no_place_for_an_id": []}))
    said = report.write(folder).read_text()
    checks.check("attacks: the report has them", "in 3 of 6 attacks the same rules; 3 differ, 2 without an explanation; "
                 "1 served, but not arrived | **NO** |" in said and "| a2 | 200 | 200 | 920180 |  | **not explained** |" in said, said[:1500])


def attack_cases(checks):
    cases = list(attack_set.built_in())
    checks.equal("the attack set: names are unique", len(cases), len({case.name for case in cases}))
    wrong = []
    for case in cases:
        sent = case.with_id("r1-attack-7")
        if case.stream:
            good = sent.fields[:-1] == case.stream.fields and sent.fields[-1] == (b"x-lab-id", b"r1-attack-7")
        else:
            first, _, rest = sent.partition(b"X-Lab-Id: r1-attack-7\r\n")
            good = first + rest == case.raw and b" HTTP/1." in first and first.count(b"\n") == 1
        if not good:
            wrong.append(case.name)
    checks.equal("the attack set: nothing but the id is added", [], wrong)
    checks.equal("no place for an id", None, attack_set.Case("old", "protocol", b"GET /\r\n").with_id("x"))
    checks.check("the rules for attacks find their ids", waf.ATTACK in f"a1{waf.ATTACK}7")
    whole = b"".join(attack_set.chunked(b"0123456789", 4).partition(b"\r\n\r\n")[2:])
    checks.equal("chunks", b"4\r\n0123\r\n4\r\n4567\r\n2\r\n89\r\n0\r\n\r\n", whole)


def frames(checks):
    try:
        from lablib import attack_client
        import hpack
    except ImportError:
        print("skipped: HTTP/2 frames, as python3-hpack is not installed")
        return
    for case in attack_set.built_in():
        if not case.stream:
            continue
        row = attacks.row("r1-attack-7", case)
        data = attack_client.http2(row["stream"]).removeprefix(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        block, body, ends = b"", b"", 0
        while data:
            length, kind, flags = int.from_bytes(data[:3], "big"), data[3], data[4]
            payload, data = data[9:9 + length], data[9 + length:]
            if kind in (attack_client.HEADERS, attack_client.CONTINUATION) and not body:
                block += payload
            elif kind == attack_client.DATA:
                body += payload[1:-payload[0]] if flags & attack_client.PADDED else payload
            ends += kind in (attack_client.HEADERS, attack_client.DATA) and flags & attack_client.END_STREAM
        fields = [tuple(map(bytes, each)) for each in hpack.Decoder().decode(block, raw=True)]
        if fields[:len(case.stream.fields)] != case.stream.fields or body != b"".join(case.stream.body) or ends != 1:
            checks.check(f"frames of {case.name}", False, (fields, body, ends))
    checks.equal("a frame", struct.pack(">IBI", 3 << 8 | attack_client.DATA, 1, 1) + b"abc", attack_client.frame(0, 1, 1, b"abc"))


def main():
    checks = Checks()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "run")
        folder.mkdir()
        empty(checks, folder)
        run_folder(folder)
        counts(checks, folder)
        text(checks, folder)
        comparison(checks, folder)
    attack_cases(checks)
    frames(checks)
    thin = charts.thinned([(x, 7 if x == 500 else 1) for x in range(1000)])
    checks.equal("a thinned line keeps its peak", (7, True), (max(value for _, value in thin), len(thin) <= 300))
    checks.equal("kinds", ["curl", "other"], [logs.kind("r1-curl-3"), logs.kind("GET /favicon.ico")])
    return checks.close()


if __name__ == "__main__":
    sys.exit(main())
