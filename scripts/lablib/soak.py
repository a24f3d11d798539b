# SPDX-License-Identifier: Apache-2.0
"""The soak: mixed traffic at a share of what this laboratory can do, and a fault a minute.

First the capacity is searched: the highest rate of the clients at which they keep their pace and every request that the
origins served arrives, and soon. Then rounds of a minute: traffic and, in its midst, a fault of faults.py with clients of
its own. Each round is balanced when it has become quiet: every request that was not delivered has to be explained by the round's fault,
whoever sent it; every frame is in a counter. At the end the instances end, and the laws of their ledgers have to hold exactly.

Flat is judged for processes that lived for most of the soak: the median of the last quarter of the samples is at most that of
the second plus what RULES allow; the first quarter is for everything to have been needed once. Samples are taken every 5 s; and
those of connections and buffers, which come and go with the traffic, at the end of each round, when it is quiet.
"""

import json
import statistics
import threading
import time

from lab import wait_until

from . import accounts, faults, instances, keeper, logs, traffic

ROUND_S, QUIET_S = 60, 14  # of a round, so much is for becoming quiet
FAULT_AT_S = 6
SAMPLE_S = 5
SEARCH_S = 240  # that the search and the end may take
TRIAL_S = 12
FIRST_RATE, FACTOR, LAST_RATE = 80, 1.5, 5000
KEPT_PACE = 0.9   # of the rate that was asked for
BEHIND_S = 2.5    # that the last request may arrive after the clients' end
FAULT_RATE = 20   # of the clients that a fault has for itself
# One after the other, round after round. Left out: those with a mirror in user space, which is too slow for this, and those
# that have to be alone.
FAULTS = ("reload", "instance-killed", "mirror-loss", "alb-down", "nlb-rehash", "waf-500", "instance-removed", "alb-slow",
          "waf-node-gone", "mtu-change", "instance-added", "second-eni", "disk-full", "random-bytes", "instance-terminated",
          "syn-flood")
# What may grow, and by how much: a share, or an amount, whichever is more; and whether it is judged when it is quiet. A buffer
# has 4 KB; what has moved to another instance in the middle of an upload stays in them until the connection's idle timeout.
RULES = {
    "rss_kib": ("resident memory, KiB", 0.03, 4096, False),
    "hugetlb_kib": ("hugepages, KiB", 0, 0, False),
    "files": ("open files", 0, 8, False),
    "threads": ("threads", 0, 0, False),
    "flows": ("connections followed", 0.5, 300, True),
    "buffers": ("buffers of requests", 0, 1024, True),
    "held": ("blocks of bytes behind holes", 0, 256, True),
}


class Sampler(threading.Thread):
    """Takes samples until it is told to stop."""

    def __init__(self, topology):
        super().__init__(daemon=True)
        self.topology, self.done = topology, threading.Event()

    def run(self):
        while not self.done.wait(SAMPLE_S):
            try:
                instances.sample(self.topology)
            except (OSError, ValueError):  # an instance was ended meanwhile
                continue


def capacity(topology, say=print):
    """Requests a second, of those clients whose rate can be set; the others have a pace of their own."""
    best, rate = 0, FIRST_RATE
    while rate < LAST_RATE:
        before = accounts.Snapshot(topology)
        result = traffic.run(topology, TRIAL_S, traffic.KINDS, rate, lambda *_: None, "soak-traffic.json")
        ended = time.monotonic()
        accounts.settle(before, 20)
        behind = time.monotonic() - ended
        lost = accounts.Spent(before, accounts.Snapshot(topology)).lost.total()
        pace = sum(result["kinds"][kind]["answered"] or 0 for kind in traffic.SHARES) / TRIAL_S
        good = not lost and pace >= KEPT_PACE * rate and behind < BEHIND_S
        say(f"capacity: {rate:.0f} requests/s asked for, {pace:.0f} answered, {lost} lost, all arrived {behind:.1f} s later: "
            f"{'kept' if good else 'too many'}")
        if not good:
            break
        best, rate = rate, rate * FACTOR
    if not best:
        raise RuntimeError(f"even {FIRST_RATE} requests/s are too many for this machine")
    return best


def run(topology, seconds, share, rate=None, say=print):
    """The whole of it; writes soak.json, and answers whether the verdict is good."""
    began = time.time()
    left = topology.state["started"] + topology.state["minutes"] * 60 - began
    if left < seconds + SEARCH_S:
        raise ValueError(f"the lab ends in {left / 60:.0f} minutes, before such a soak would: start it with more --minutes")
    if not rate:
        best = capacity(topology, say)
        rate = best * share
        say(f"soak: {rate:.0f} requests/s, {share:.0%} of {best:.0f}")
    order = [fault for fault in faults.chosen(FAULTS, False) if len(instances.running(topology)) >= fault.needs]
    sampler, rounds, start = Sampler(topology), [], time.time()
    sampler.start()
    try:
        while (left := seconds - (time.time() - start)) >= ROUND_S / 2:
            rounds.append(one_round(topology, order[len(rounds) % len(order)], rate, min(ROUND_S, left)))
            say(sentence(rounds[-1], time.time() - start))
    finally:
        sampler.done.set()
        sampler.join(20)
    ended = end_instances(topology)
    rules = flatness(topology, start)
    verdict = judge(rounds, ended, rules)
    report = {"seconds": round(time.time() - start), "rate": round(rate), "share": share, "started": began, "rounds": rounds,
              "rules": rules, "at_the_end": ended, "samples": thin_samples(topology, start), "verdict": verdict}
    (topology.dir / "soak.json").write_text(json.dumps(report, indent=1) + "\n")
    faults_file = topology.dir / "faults.json"
    known = json.loads(faults_file.read_text()) if faults_file.exists() else []
    faults_file.write_text(json.dumps(known + [each["fault"] for each in rounds], indent=1) + "\n")
    say(f"soak: {'ok' if verdict['ok'] else 'FAILED'}: {verdict['text']}")
    return verdict["ok"]


def one_round(topology, fault, rate, seconds):
    before, faults_found = accounts.Snapshot(topology), []
    length = max(10, seconds - QUIET_S)
    sender = threading.Thread(target=traffic.run, daemon=True,
                              args=(topology, length, traffic.KINDS, rate, lambda *_: None, "soak-traffic.json"))
    sender.start()
    time.sleep(FAULT_AT_S)
    step, outcome = faults.run_one(topology, fault, True, False, FAULT_RATE)
    faults_found += outcome["faults"]
    sender.join(length + 90)
    accounts.settle(before, 30)
    instances.sample(topology, quiet=True)
    spent = accounts.Spent(before, accounts.Snapshot(topology), step.ends)
    unexplained = [] if not spent.lost else not_explained(step, spent)
    if unexplained:
        faults_found.append(f"lost outside of what the fault explains: {len(unexplained)}, such as {unexplained[0]}")
    if fault.may_lose == faults.COUNTED and spent.lost.total() > spent.undelivered():
        faults_found.append(f"{spent.lost.total()} lost, but the instances count {spent.undelivered()}")
    faults_found += faults.unbalanced(step, spent)
    return {"fault": outcome, "served": len(spent.served), "delivered": (spent.delivered - spent.extra).total(),
            "twice": spent.extra.total(), "lost": spent.lost.total(), "unexplained": len(unexplained), "rate": rate,
            "missed": spent.missed(), "counters": spent.shown(), "faults": faults_found}


def not_explained(step, spent):
    """Lost requests, of whoever, that were not under way in the fault's window; on HTTP/2 connections, that had not begun
    before its end. In the origins' words."""
    began = {}
    for entry in spent.served:
        began[entry["peer"]] = min(began.get(entry["peer"], entry["ts"]), entry["ts"] - entry["took"])
    rest = dict(spent.lost)
    found, early = [], []
    for entry in spent.served:
        key = logs.key(entry)
        if not rest.get(key):
            continue
        rest[key] -= 1
        text = f"{key} at {entry['ts']:.2f} ({entry['protocol']}, {entry['peer']}), window {step.begin:.2f} to {step.end:.2f}"
        is_early = entry["ts"] < step.begin - faults.MARGIN_S
        under_way = entry["ts"] - entry["took"] <= step.end or (
            entry["protocol"].startswith("HTTP/2") and began[entry["peer"]] <= step.end)
        if step.fault.may_lose == faults.NOTHING or not (is_early or under_way):
            found.append(text)
        elif is_early:
            early.append(text)
    # Those were in an instance's hands when the window began, or they have no explanation.
    return found + early[step.waiting:]


def end_instances(topology):
    """Each ends, gives its last ledger, and is started again. The laws, and all that was received by those that still ran."""
    running, found = instances.running(topology), {}
    targets = instances.Targets(topology)
    settings = targets.settings()
    targets.write(settings | {"targets": []})
    wait_until(lambda: targets.health(running[0]) == "removed", 20, "the balancer has no targets")
    time.sleep(2)
    for instance in running:
        instance.stop()
        ledger = json.loads(instance.ledger_file.read_text())
        found[instance.name] = {"laws": len(ledger["laws"]), "broken": [text for _, text in accounts.unbalanced(ledger)]
                                + [line for line in instance.said().splitlines() if line.startswith(keeper.FAULT)],
                                "counters": {name: count for name, count in ledger["counters"].items() if count}}
    for instance in running:
        instance.start()
    targets.write(settings)
    for instance in running:
        targets.wait(instance, "healthy")
    return found


def samples_of(topology, start):
    """By process: name and pid -> samples since then."""
    found = {}
    for path in sorted(topology.dir.glob("rebuilder*.samples.jsonl")):
        for sample in logs.lines(path):
            if sample["ts"] >= start and sample["process"]:
                found.setdefault((path.name.partition(".")[0], sample["pid"]), []).append(sample)
    return found


def value_of(sample, what):
    if what in sample["process"]:
        return sample["process"][what]
    return sum(worker[what] for worker in sample["status"]["workers"])


def flatness(topology, start):
    """One entry for each process that lived long enough, and each rule."""
    found, length = [], time.time() - start
    for (name, pid), samples in samples_of(topology, start).items():
        if samples[-1]["ts"] - samples[0]["ts"] < length * 0.6:
            continue
        for what, (text, share, amount, when_quiet) in RULES.items():
            values = [value_of(sample, what) for sample in samples if sample["quiet"] or not when_quiet]
            if len(values) < 2:
                continue
            quarter = max(1, len(values) // 4)
            first, last = statistics.median(values[quarter - 1:2 * quarter]), statistics.median(values[-quarter:])
            allowed = first + max(first * share, amount)
            found.append({"instance": name, "pid": pid, "what": text, "second_quarter": first, "last_quarter": last,
                          "allowed": round(allowed), "ok": last <= allowed})
    return found


def thin_samples(topology, start):
    """The values of the rules, at most some 120 of each process, for the report."""
    found = []
    for (name, pid), samples in samples_of(topology, start).items():
        for sample in samples[::max(1, len(samples) // 120)]:
            found.append({"ts": round(sample["ts"], 1), "instance": name, "pid": pid}
                         | {what: value_of(sample, what) for what in RULES})
    return found


def judge(rounds, ended, rules):
    broken = [f"{name}: {text}" for name, each in ended.items() for text in each["broken"]]
    bad_rounds = [each for each in rounds if each["faults"]]
    grown = [each for each in rules if not each["ok"]]
    served, lost = sum(each["served"] for each in rounds), sum(each["lost"] for each in rounds)
    unexplained = sum(each["unexplained"] for each in rounds)
    ok = bool(rounds) and bool(rules) and not (broken or bad_rounds or grown or unexplained)
    text = (f"{len(rounds)} faults, {len(rounds) - len(bad_rounds)} as expected; {served} requests served, {lost} lost, "
            f"{unexplained} of them unexplained; {sum(each['laws'] for each in ended.values())} laws at the end, "
            f"{len(broken)} broken; {len(rules)} rules of flatness, {len(grown)} broken")
    return {"ok": ok, "text": text, "broken_laws": broken, "grown": grown, "rounds": [each["faults"] for each in bad_rounds]}


def sentence(result, at):
    text = (f"{at:5.0f} s  {'ok    ' if not result['faults'] else 'FAILED'} {result['fault']['name']}: {result['served']} served, "
            f"{result['lost']} lost, {result['unexplained']} unexplained")
    return text + "".join(f"\n        {fault}" for fault in result["faults"])
