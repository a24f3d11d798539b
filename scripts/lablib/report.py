# SPDX-License-Identifier: Apache-2.0
"""The report: what a run of the laboratory found, on one page, and the details behind it.

    path = write(folder)                reads the run folder, writes report/report.md and its drawings into it
    path = write(folder, running(folder))   with what the instances that still run have counted by now
"""

import time
from pathlib import Path

from . import charts, instances
from .facts import CAUSES, REASONS, Facts, quantile
from .topology import Topology

UNKNOWN = "not part of this run"


def table(head, rows):
    """Markdown; figures are on the right."""
    def cell(value):
        text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
        return text.replace("|", "\\|").replace("\n", " ")

    right = [all(isinstance(row[column], (int, float)) for row in rows) for column in range(len(head))]
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "|".join("---:" if each else "---" for each in right) + "|",
                      *("| " + " | ".join(map(cell, row)) + " |" for row in rows)]) + "\n"


def share(part, whole):
    """Rounded down: 100 % is all of it."""
    return f"{int(10000 * part / whole) / 100:g} %" if whole else "-"


def verdict(good):
    return "yes" if good else "**NO**"


# ---- findings: (question, answer, whether it is good; None: not part of this run) ----

def delivery(facts):
    question = "Did every request that the origins served reach a WAF node?"
    if not facts.runs:
        return question, UNKNOWN, None
    joined = facts.joined()
    served = joined.both + joined.missing.total()
    text = f"{joined.both:,} of {served:,} ({share(joined.both, served)})"
    if joined.extra:
        text += f"; {joined.extra.total():,} arrived that no origin logged as served"
    return question, text, served > 0 and not joined.missing


def clients(facts):
    question = "Did the clients get their answers, undisturbed by the mirror?"
    if not facts.runs:
        return question, UNKNOWN, None
    kinds = facts.by_kind()
    sent, answered = (sum(row[name] for row in kinds.values()) for name in ("sent", "answered"))
    trouble = [kind for kind, row in kinds.items() if row["trouble"]]
    return question, f"{answered:,} of {sent:,}" + (f"; trouble with {', '.join(trouble)}" if trouble else ""), \
        sent > 0 and answered == sent and not trouble


def detection(facts):
    question = "Was the same detected as by the same WAF in front of the origin?"
    if not facts.attacks:
        return question, UNKNOWN, None
    different = facts.attacks["differences"]
    unexplained = sum(not each["why"] for each in different)
    sent = facts.attacks["sent"]
    text = f"in {sent - len(different):,} of {sent:,} attacks the same rules"
    if different:
        how = f"{unexplained:,} without an explanation" if unexplained else "each explained"
        text += f"; {len(different):,} differ, {how}"
    if facts.attacks["lost"]:
        text += f"; {len(facts.attacks['lost']):,} served, but not arrived"
    return question, text, sent > 0 and not unexplained and not facts.attacks["lost"]


def accounting(facts):
    question = "Is every frame, byte and request in exactly one counter?"
    ledgers = facts.ledgers
    if not ledgers.laws:
        return question, UNKNOWN, None
    text = f"{ledgers.laws - len(ledgers.broken):,} of {ledgers.laws:,} sums of {len(ledgers.instances)} instance(s) close"
    if ledgers.live:
        text += "; they still run, so the sums of connections are left out"
    return question, text, not ledgers.broken


def faults(facts):
    question = "Does every fault cost what it has to cost, and no more?"
    if not facts.faults:
        return question, UNKNOWN, None
    made = [each for each in facts.faults if not each.get("skipped")]
    good, skipped = sum(bool(each["ok"]) for each in made), len(facts.faults) - len(made)
    text = f"{good:,} of {len(made):,} faults as expected" + (f"; {skipped:,} skipped" if skipped else "")
    return question, text, bool(made) and good == len(made)


def soak(facts):
    question = "Does it stay as it is over time?"
    if not facts.soak:
        return question, UNKNOWN, None
    found = facts.soak
    text = f"{found['seconds'] / 60:.0f} minutes at {found['rate']:g} requests/s: {found['verdict']['text']}"
    return question, text, found["verdict"]["ok"]


FINDINGS = (delivery, detection, accounting, faults, soak, clients)


def findings(facts):
    answers = [each(facts) for each in FINDINGS]
    rows = [(question, text, "-" if good is None else verdict(good)) for question, text, good in answers]
    lines = [table(("question", "answer", "good"), rows)]
    for is_probe, when in ((True, "sent when nothing else happens"), (False, "of the mix")):
        if latencies := facts.latencies(is_probe):
            p50, p99, most = (quantile(latencies, each) for each in (0.5, 0.99, 1))
            lines.append(f"The copy of a request {when} is at a WAF node {p50:.0f} ms (median) after the request is at the origin; "
                         f"99 % are there within {p99:.0f} ms, the last after {most:.0f} ms.\n")
    if (cost := facts.cpu().get("rebuilder")) and cost[1]:
        lines.append(f"A rebuilt and delivered request costs the rebuilders {cost[1]:,.0f} µs of CPU at this low rate, the polling "
                     "of an idle appliance included.\n")
    return "\n".join(lines)


# ---- details ----

def summary(folder):
    """Says the findings of what was sent, gives an exit status."""
    facts, status_ = Facts(folder), 0
    for question, text, good in (delivery(facts), detection(facts), clients(facts)):
        if good is not None:
            print(f"{question} {text}")
            status_ |= not good
    return int(status_)


def set_up(facts):
    lines = ["## What ran\n", "![clients, origins, balancer, rebuilders, load balancer, WAF nodes](topology.svg)\n",
             f"{facts.instances} rebuilder(s), {facts.waf_nodes} WAF node(s), all on one machine, each host a network namespace. "
             "The origins are mirrored by their kernel as VPC Traffic Mirroring does it: one way, VXLAN. The nodes are nginx with "
             "ModSecurity and the OWASP core rule set, which detect and don't block.\n"]
    if facts.runs:
        last = facts.runs[-1]
        lines.append(f"Machine: {last['machine']['cores']} cores of {last['machine']['model']}, Linux {last['machine']['kernel']}; "
                     f"{time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime(last['started']))}.\n")
    return lines


def traffic(facts):
    lines = ["## Requests\n"]
    if not facts.runs:
        return [*lines, "No traffic was sent in this run (`scripts/lab traffic`).\n"]
    kinds = facts.by_kind()
    rows = [(kind, row["what"], *(row.get(name, 0) for name in ("sent", "answered", "served", "arrived", "detected")))
            for kind, row in kinds.items()]
    total = [sum(row[column] for row in rows) for column in range(2, 7)]
    lines += [table(("clients", "what", "sent", "answered", "served", "arrived", "detected"), [*rows, ("all", "", *total)]),
              "*Sent* and *answered* is what the clients say, *served* the origins' access logs, *arrived* is what of that is in "
              "the nodes' access logs, joined by each request's id, *detected* those in which a rule found something.\n"]
    joined = facts.joined()
    if joined.missing:
        lines.append(f"Missing: {joined.missing.total():,}: {', '.join(sorted(joined.missing)[:10])}\n")
    if joined.extra:
        lines.append(f"Arrived, but not logged as served: {joined.extra.total():,}: {', '.join(sorted(joined.extra)[:10])}\n")
    if cut := facts.truncated():
        lines.append(f"{cut:,} of the uploads arrived cut at `--max-body`, marked with `X-Rebuilder-Truncated`: that is the policy.\n")
    lines += [f"Trouble of {kind}: {words}\n" for kind, row in kinds.items() for words in row["trouble"][:3]]
    return lines


def losses(facts):
    lines = ["## Losses by reason\n"]
    if not facts.ledgers.laws:
        return [*lines, "No instance left a ledger in this run.\n"]
    ledgers = facts.ledgers
    lines.append(f"The instances together began {ledgers.counters['requests_started']:,} requests, rebuilt "
                 f"{ledgers.counters['requests_rebuilt']:,} and handed {ledgers.counters['handed_off']:,} to their outputs: traffic, "
                 "attacks, faults and soak together, as far as they were part of this run.\n")

    def rows(beginnings):
        found = ledgers.nonzero(beginnings)
        return [(f"`{name}`", facts.meanings.get(name, ("", ""))[1], count) for name, count in found.items()]

    if lost := rows(REASONS):
        lines += [table(("counter", "means", "requests"), lost)]
    else:
        lines.append("No request was lost, shed or failed, for no reason.\n")
    if causes := rows(CAUSES):
        lines += ["What is behind them, and what else happened on the way:\n", table(("counter", "means", "count"), causes)]
    if ledgers.broken:
        lines += ["Sums that don't close:\n", *(f"* {each}" for each in ledgers.broken), ""]
    return lines


def attacks(facts):
    lines = ["## Detections\n"]
    if not facts.attacks:
        return [*lines, "No attacks were sent in this run.\n"]
    found = facts.attacks
    rows = [(family, *(count[name] for name in ("sent", "served", "arrived", "detected", "equal")))
            for family, count in sorted(found["families"].items())]
    total = [sum(row[column] for row in rows) for column in range(1, 6)]
    own = "and the core rule set's own regression requests" if found["corpus"] else \
        "only the built-in ones, as no copy of the core rule set's regression requests is there"
    lines += [f"{found['sent']:,} attacks, {own}, were sent to the origins, and the same bytes to a node of the same configuration "
              "without anything in between. All rules of the core rule set were on (paranoia level 4).\n",
              table(("family", "sent", "served", "arrived", "detected", "equal"), [*rows, ("all", *total)]),
              "*Equal*: the same set of rule ids both ways. What an origin refuses as malformed isn't *served*, and arrives all "
              "the same where it can be framed safely.\n"]
    if found["differences"]:
        lines += ["Differences:\n",
                  table(("attack", "origin answers", "direct WAF answers", "rules only direct", "rules only mirrored", "why"),
                        [(each["name"], status(each["origin"]), status(each["direct"]), ids(each["only_direct"]),
                          ids(each["only_mirrored"]), each["why"] or "**not explained**") for each in found["differences"]])]
    if found["lost"]:
        lines.append(f"Served, but not arrived: {', '.join(found['lost'][:20])}\n")
    if found["no_place_for_an_id"]:
        lines.append(f"Left out, as they have no header section to put an id into: {', '.join(found['no_place_for_an_id'])}\n")
    most = [(str(rule), count) for rule, count in facts.rules()]
    lines += ["Rules that found most, in all traffic:\n", table(("rule", "requests"), most)]
    return lines


def status(number):
    return str(number) if number else "not at all"


def ids(rules, most=6):
    return ", ".join(map(str, rules[:most])) + (f" and {len(rules) - most} more" if len(rules) > most else "")


def costs(facts):
    lines = ["## Time and CPU\n"]
    if not facts.runs:
        return [*lines, "Neither is known without traffic.\n"]
    shares = (0.5, 0.9, 0.99, 0.999, 1)
    rows = [(what, len(found), *(f"{quantile(found, each):.0f} ms" for each in shares))
            for what, is_probe in (("one at a time", True), ("the mix", False)) if (found := facts.latencies(is_probe))]
    if rows:
        lines += [table(("requests", "number", *(f"p{each * 100:g}" if each < 1 else "max" for each in shares)), rows),
                  "From when a request's first byte was at the origin until that of its copy was at a node, for requests without a body; "
                  "the logs have milliseconds. Everything in between shares the machine with clients, origins and WAF.\n"]
        took = facts.node_times()
        lines.append(f"The nodes need {quantile(took, 0.5):.0f} ms (median), {quantile(took, 0.99):.0f} ms (99 %) or {took[-1]:.0f} ms (the "
                     "longest) for a request, one at a time, and the others wait for it: so much of the tail is theirs.\n")
    rows = [(name, round(seconds, 2), f"{each:,.0f}" if each else "-") for name, (seconds, each) in facts.cpu().items()]
    lines += [table(("component", "CPU seconds", "µs a request"), rows),
              "User and system time of the processes while traffic was sent. What the kernel does for the network between "
              "hosts is nobody's. A rebuilder at a low rate mostly polls: README.md has what a request costs under load.\n"]
    return lines


def fault_table(facts):
    lines = ["## Faults\n"]
    if not facts.faults:
        return [*lines, "No faults were made in this run (`scripts/lab faults`).\n"]
    kinds = {}  # the soak makes each several times
    for each in facts.faults:
        kinds.setdefault(each["name"], []).append(each)
    rows, trouble = [], []
    for name, several in kinds.items():
        made = [each for each in several if not each.get("skipped")]
        sums = [sum(each["observed"].get(what, 0) for each in made) for what in ("served", "delivered", "lost", "explained")]
        good = verdict(all(each["ok"] for each in made)) if made else f"skipped: {several[0]['skipped']}"
        rows.append((name, several[0]["what"], several[0]["expectation"], len(made), *sums, good))
        trouble += [f"* {name}: {words}" for each in made for words in each.get("faults", [])]
    return [*lines, table(("fault", "what happens", "expected", "times", "served", "delivered", "lost", "explained", "good"), rows),
            "While a fault is made, clients send at a steady rate; what is lost is compared, request by request, with what was on "
            "its way in the fault's window, and with the instances' counters.\n", *trouble, ""]


def over_time(facts):
    lines = ["## Over time\n"]
    if not facts.soak and not has_samples(facts):
        return [*lines, "No samples were taken in this run (`scripts/lab soak`).\n"]
    if has_samples(facts):
        lines += ["![requests a second](requests.svg)\n", "![memory, files, flows, buffers of each instance](instances.svg)\n"]
    if not facts.soak:
        return lines
    lines += ["What may not grow, in each instance that lived for most of the soak:\n",
              table(("instance", "what", "median of the second quarter", "of the last quarter", "allowed", "good"),
                    [(each["instance"], each["what"], each["second_quarter"], each["last_quarter"], each["allowed"],
                      verdict(each["ok"])) for each in facts.soak.get("rules", [])]),
              "Minute by minute:\n",
              table(("fault in it", "served", "delivered", "lost", "of these unexplained", "good"),
                    [(each["fault"]["name"], each["served"], each["delivered"], each["lost"], each["unexplained"],
                      verdict(not each["faults"])) for each in facts.soak.get("rounds", [])])]
    return lines


def has_samples(facts):
    return any(len(samples) > 1 for samples in facts.samples.values())


# ---- drawings ----

def sample_panels(facts):
    start = min(sample["ts"] for samples in facts.samples.values() for sample in samples)

    def series(of):
        return [(name, [((sample["ts"] - start) / 60, of(sample)) for sample in samples if sample["process"]])
                for name, samples in facts.samples.items() if samples]

    def workers(field):
        return lambda sample: sum(worker[field] for worker in sample["status"]["workers"])

    wanted = (("resident memory", "MiB", lambda sample: sample["process"]["rss_kib"] / 1024),
              ("open files", "files", lambda sample: sample["process"]["files"]),
              ("connections followed", "flows", workers("flows")),
              ("buffers in use", "buffers", lambda sample: workers("buffers")(sample) + workers("held")(sample)))
    return [charts.panel(title, "minutes", unit, series(of)) for title, unit, of in wanted]


def draw(facts, folder):
    (folder / "topology.svg").write_text(charts.topology(facts.instances, facts.waf_nodes))
    series = [(name, [(max(1, value), 100 * (number + 1) / len(found)) for number, value in enumerate(found)])
              for name, is_probe in (("one at a time", True), ("the mix", False)) if (found := facts.latencies(is_probe))]
    if series:
        charts.draw(folder / "latency.svg", [charts.panel("From the origin to the WAF node", "milliseconds", "% of requests",
                                                          series, "set yrange [0:100]; set logscale x")])
    if has_samples(facts):
        windows = [each.get("window") or (each["started"], each["ended"]) for each in facts.faults]
        charts.draw(folder / "requests.svg", [charts.panel("Requests a second (grey: a fault)", "minutes", "requests/s",
                                                           facts.per_second(), charts.shades(windows, facts.start()))])
        charts.draw(folder / "instances.svg", sample_panels(facts), columns=2)


def markdown(facts, has_latency_chart):
    parts = ["# The whole solution on one machine: what was found\n", findings(facts), *set_up(facts), *traffic(facts),
             *losses(facts), *attacks(facts), *costs(facts)]
    if has_latency_chart:
        parts.append("![share of the requests by latency](latency.svg)\n")
    parts += [*fault_table(facts), *over_time(facts), *how_to_repeat(facts)]
    return "\n".join(parts)


def how_to_repeat(facts):
    """The commands that lead to what the report has; the spare instance is no choice of the user's."""
    count = len(facts.ledgers.instances)
    steps = [f"up --instances {max(1, count - 1 if facts.faults or facts.soak else count)}", "traffic"]
    steps += ["faults"] if facts.faults else []
    steps += [f"soak --seconds {round(facts.soak['seconds'], -1):g} --share {facts.soak.get('share', 0.6):g}"] if facts.soak else []
    return ["## To repeat it\n", "```", "scripts/deps", "ninja -C build",
            " && ".join(f"scripts/lab {step}" for step in [*steps, "report", "down"]), "```", ""]


def running(folder):
    """(name, ledger) of each instance that runs: those that have ended left theirs in the folder."""
    try:
        topology = Topology.load(folder)
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [(each.name, ledger) for each in instances.running(topology) if (ledger := each.get("/ledger"))]


def write(folder, live=()):
    facts, folder = Facts(folder, live), Path(folder) / "report"
    folder.mkdir(exist_ok=True)
    draw(facts, folder)
    path = folder / "report.md"
    path.write_text(markdown(facts, (folder / "latency.svg").exists()))
    return path
