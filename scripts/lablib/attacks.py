# SPDX-License-Identifier: Apache-2.0
"""The attack set against the origins, whose mirror the nodes see, and against the same WAF directly: is the same detected?

    result = run(topology, seconds=120)     sends it both ways, waits for the nodes, compares, writes attacks.json

Equal is a request for which both found the same rules. Each difference is explained by a row of EXPLAINED, or it is one
that nobody has an explanation for.
"""

import base64
import json
import os
import subprocess
import time
from pathlib import Path

from . import PYTHON, ROOT, attack_set, logs, waf
from .origins import H2C, HTTP

PROGRAM = Path(__file__).with_name("attack_client.py")
ORIGIN, ORIGIN_H2C = "origin1", "origin2"  # nginx takes those of HTTP/1.1, Node those of HTTP/2


def refused(difference):
    """The WAF's own server answered before a rule ran."""
    return not difference["directly"] and difference["direct"] in (0, 400)


# (applies to the difference, reason). The first that applies is taken.
EXPLAINED = (
    (lambda found: refused(found) and found["family"] == "http2",
     "the WAF's own server ends such a connection of HTTP/2 before a rule runs; the nodes get the request in HTTP/1.1, with what "
     "that has no form for left out (trailers) or percent-encoded (control characters in the path)"),
    (lambda found: refused(found) and found["name"] == "protocol-no-host",
     "the WAF's own server refuses it with 400 before a rule runs; the nodes get it with the origin's address in Host, as "
     "HTTP/1.1 needs one, and a rule says that it is an address"),
    (lambda found: refused(found),
     "the WAF's own server refuses it with 400 before a rule runs; the nodes get it in a form that every server reads alike"),
)


def corpus_folder():
    """Where the open test corpus is, if it is."""
    return Path(os.environ.get("TEST_CORPUS") or ROOT.parent / "shared" / "corpus")


def cases(with_corpus=True):
    yield from attack_set.built_in()
    if with_corpus:
        yield from attack_set.corpus(corpus_folder())


def row(name, case):
    """A line for the client; None where the request has no place for its id."""
    sent = case.with_id(name)
    if sent is None:
        return None
    if case.stream is None:
        return {"id": name, "raw": text(sent)}
    return {"id": name, "stream": {"fields": [list(map(text, each)) for each in sent.fields],
                                   "body": list(map(text, sent.body)),
                                   "trailers": [list(map(text, each)) for each in sent.trailers],
                                   "header_piece": sent.header_piece, "padding": sent.padding}}


def text(data):
    return base64.b64encode(data).decode()


def send(host, path, address, port, h2c_port, seconds):
    """Gives id -> status."""
    command = [PYTHON, PROGRAM, path, address, port, h2c_port]
    done = host.run(command, stdout=subprocess.PIPE, timeout=seconds)
    return {each["id"]: each["status"] for each in map(json.loads, done.stdout.splitlines())}


def run(topology, seconds=300, with_corpus=True, say=print):
    run_id = f"a{int(time.time())}"
    known = {f"{run_id}{waf.ATTACK}{number}": case for number, case in enumerate(cases(with_corpus), 1)}
    rows = {name: line for name, case in known.items() if (line := row(name, case))}
    files = {}
    for which in ("raw", "stream"):
        files[which] = topology.dir / f"attacks-{which}.jsonl"
        files[which].write_text("".join(json.dumps(line) + "\n" for line in rows.values() if which in line))
    say(f"{len(rows)} attacks to the origins")
    started = time.time()
    by_origin = {}
    for which, origin in (("raw", ORIGIN), ("stream", ORIGIN_H2C)):
        host = getattr(topology, origin)
        by_origin |= send(topology.clients, files[which], host.address, HTTP, H2C[origin], seconds)
    say(f"{len(rows)} attacks to the WAF directly")
    directly = {}
    for path in files.values():
        directly |= send(topology.wafs[0], path, "127.0.0.1", waf.DIRECT_PORT, waf.DIRECT_H2_PORT, seconds)
    settle(topology.dir)
    result = compare(topology.dir, {name: known[name] for name in rows}, by_origin, directly)
    result |= {"run": run_id, "started": started, "ended": time.time(),
               "no_place_for_an_id": sorted(case.name for name, case in known.items() if name not in rows),
               "corpus": sum(case.family.startswith("crs-") for case in known.values())}
    (topology.dir / "attacks.json").write_text(json.dumps(result, indent=1) + "\n")
    return result


def settle(folder, quiet=2, most=30):
    """Until nothing arrives at the nodes any more."""
    def size():
        return sum(path.stat().st_size for path in Path(folder).glob("waf[0-9]*/requests.jsonl"))

    end, last, since = time.monotonic() + most, size(), time.monotonic()
    while time.monotonic() < end and time.monotonic() - since < quiet:
        time.sleep(0.1)
        if (now := size()) != last:
            last, since = now, time.monotonic()


def compare(folder, known, by_origin, directly):
    """What the nodes found in each request, against what the WAF found that had it directly."""
    mirrored, direct = waf.detections(folder), waf.detections(folder, direct=True)
    # A node's nginx may refuse a request before it has read the id: that it got it, says the ALB.
    arrived = {entry["id"] for entry in (*waf.received(folder), *waf.passed_on(folder))}
    served = {entry["id"] for entry in logs.served(folder)}
    families = {}
    differences, lost = [], []
    for name, case in known.items():
        count = families.setdefault(case.family, {"sent": 0, "served": 0, "arrived": 0, "detected": 0, "equal": 0})
        there, here = set(direct.get(name, ())), set(mirrored.get(name, ()))
        count["sent"] += 1
        count["served"] += name in served
        count["arrived"] += name in arrived
        count["detected"] += bool(here)
        count["equal"] += there == here
        if there != here:
            differences.append(explained({
                "name": case.name, "family": case.family, "id": name, "origin": by_origin.get(name), "direct": directly.get(name),
                "arrived": name in arrived, "directly": sorted(there), "only_direct": sorted(there - here),
                "only_mirrored": sorted(here - there)}))
        if name in served and name not in arrived:
            lost.append(case.name)
    return {"sent": len(known), "families": families, "differences": differences, "lost": lost}


def explained(difference):
    """With the reason, if it is known."""
    return difference | {"why": next((reason for applies, reason in EXPLAINED if applies(difference)), "")}
