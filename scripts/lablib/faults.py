# SPDX-License-Identifier: Apache-2.0
"""The faults, as data, and how each is judged: one step each, with clients at a steady rate from before until after.

A step passes when
  * its proof holds: the fault did happen;
  * every request that the origins served was delivered, but for those that its expectation lets it lose;
  * no client noticed: every request was answered with 200 (a flood may cost the clients something themselves);
  * every mirrored frame that the balancer gave to an instance is in its ledger, or in a counter of those missed, or, in a flood,
    in the kernel's of frames dropped between namespaces; every law of every ledger holds;
  * no request was delivered more often than it was served, but as a retry that is counted, or where the step says so.
"""

import collections
import json
import time
import traceback
from dataclasses import dataclass

from lab import wait_until

from . import accounts, actions, instances, logs
from .step import Step

AFTER_S = 2.0   # of traffic behind a fault
RATE = 80       # of the clients, requests a second
EDGE_S = 0.5    # of a window, where what happens isn't sharp
MARGIN_S = 1.0  # requests that ended so shortly before it may still have been in an instance's hands

# What a step may lose.
NOTHING = "nothing"
COUNTED = "only in the window, and only what the instances count as lost, shed or failed"
WINDOW = "only requests under way in the window, or on an HTTP/2 connection from before its end (its header table is lost)"
DROPPED = "no more than the frames that the mirror dropped, each as a hole; and HTTP/2 connections that a hole hit"
CUT = "only requests with a body in frames above 8500 bytes, each counted as lost to a gap"


@dataclass(frozen=True)
class Fault:
    name: str
    act: object
    what: str
    may_lose: str
    why: str
    short: bool = False        # part of the short form
    needs: int = 1             # instances, so that one is left
    flood: bool = False
    twice: bool = False        # requests may be delivered twice


FAULTS = (
    Fault("instance-added", actions.instance_added, "another instance is started and registered", NOTHING,
          "flows stay where they are; only new ones go to the new target"),
    Fault("instance-removed", actions.instance_removed, "an instance is deregistered, then ended with SIGTERM", WINDOW,
          "flows move to another instance, each in the middle of what it carries", needs=2),
    Fault("instance-terminated", actions.instance_terminated, "an instance gets SIGTERM while it has traffic", WINDOW,
          "it works on until the balancer's checks have failed; then flows move, each in the middle of what it carries", needs=2),
    Fault("instance-killed", actions.instance_killed, "an instance gets SIGKILL", WINDOW,
          "nobody takes its frames until the balancer's health checks failed", short=True, needs=2),
    Fault("nlb-rehash", actions.rehash, "the balancer forgets all flows and has another hash, in the middle of uploads", WINDOW,
          "flows move to other instances, each in the middle of what it carries", short=True, needs=2),
    Fault("alb-down", actions.alb_down, "the ALB is gone for a minute (short form: 3 s)", COUNTED,
          "requests wait for --timeout and in the queue, then they are shed, the newest first", short=True),
    Fault("alb-slow", actions.alb_slow, "the ALB holds each request for 300 ms", NOTHING, "the queue has room for the while"),
    Fault("waf-500", actions.waf_500, "the nodes answer 500", NOTHING, "any answer is an answer"),
    Fault("waf-node-gone", actions.waf_node_gone, "one WAF node is killed", COUNTED,
          "the ALB answers 502 to 504 until its health checks failed"),
    Fault("mirror-loss", actions.mirror_loss, "the mirror drops 1 % of the frames", DROPPED,
          "no request is made across a hole", short=True),
    Fault("reordering", actions.reordering, "5 % of the frames come behind three later ones", NOTHING, "holes are waited for"),
    Fault("second-eni", actions.second_eni, "a second interface of the path is mirrored, too", NOTHING,
          "copies are known by their sequence numbers; but copies that the balancer gives to another instance are not", twice=True),
    Fault("jumbo", actions.jumbo, "clients send frames of 9001 bytes, the mirror cuts them to 8500", CUT,
          "what is cut off is a hole in the body"),
    Fault("mtu-change", actions.mtu_change, "the path's MTU changes to 1300, 8400, 576 and back", NOTHING,
          "it is other segments of the same stream"),
    Fault("clock-step", actions.clock_step, "an instance whose clocks are years ahead is stopped for 0.8 s", NOTHING,
          "the receive ring holds what comes meanwhile"),
    Fault("reload", actions.reload, "an instance reads its configuration again, three times", NOTHING,
          "it changes between two bursts of frames", short=True),
    Fault("disk-full", actions.disk_full, "an instance's log of requests fills its disk", NOTHING,
          "outputs don't know of each other"),
    Fault("hugepages-short", actions.hugepages_short, "an instance is started without hugepages", NOTHING, "it says so, and runs"),
    Fault("syn-flood", actions.syn_flood, "SYNs to an origin, as fast as they can be made, all mirrored", WINDOW,
          "frames are missed, and counted as such", flood=True),
    Fault("random-bytes", actions.random_bytes, "random datagrams to the balancer's port 4789, as fast as they can be made",
          WINDOW, "frames are missed, and counted as such", flood=True),
)


def chosen(names, is_short):
    """The faults of these names; or all, or those of the short form."""
    known = {fault.name: fault for fault in FAULTS}
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"no fault is called {unknown[0]!r}; there are {', '.join(known)}")
    return [known[name] for name in names] or [fault for fault in FAULTS if fault.short or not is_short]


def run(topology, names=(), is_short=False, say=print):
    """Does one after the other, and writes faults.json after each. Answers whether all passed."""
    file, results = topology.dir / "faults.json", []
    for fault in chosen(names, is_short):
        _, result = run_one(topology, fault, is_short)
        results.append(result)
        file.write_text(json.dumps(results, indent=1) + "\n")
        say(sentence(result))
    return all(result["ok"] for result in results)


def sentence(result):
    if result["skipped"]:
        return f"skipped {result['name']}: {result['skipped']}"
    observed = result["observed"]
    text = (f"{'ok     ' if result['ok'] else 'FAILED '} {result['name']}: {result['what']}; {observed['served']} served, "
            f"{observed['delivered']} delivered, {observed['lost']} lost, {observed['explained']} of them explained")
    return text + "".join(f"\n        {fault}" for fault in result["faults"])


def run_one(topology, fault, is_short=False, alone=True, rate=RATE):
    """Answers the step and its result. `alone`: nothing else sends, so that everything can be balanced. Otherwise whoever
    sends has to do that."""
    step = Step(topology, fault, is_short, rate)
    started, faults, spent = time.time(), [], None
    try:
        if len(step.running()) < fault.needs:
            step.skip(f"it needs {fault.needs} instances")
        else:
            fault.act(step)
        if step.process:
            time.sleep(0 if step.process.poll() is not None else AFTER_S)
            step.clients_end()
            accounts.settle(step.before, 30, step.run)
            spent = accounts.Spent(step.before, accounts.Snapshot(topology), step.ends, step.run)
    except Exception as error:  # a step that can't be done is a step that failed, and the next may pass
        traceback.print_exc()
        faults.append(f"it could not be done: {error}")
    finally:
        faults += put_right(step)
    observed, explained = observe(step, spent, faults)
    if spent and alone:
        faults += unbalanced(step, spent)
    return step, {
        "name": fault.name, "what": fault.what, "started": started, "ended": time.time(), "window": [step.begin, step.end],
        "expectation": f"loses {fault.may_lose}: {fault.why}", "observed": observed | {"explained": explained},
        "counters": spent.shown() if spent else {}, "notes": step.notes, "skipped": step.skipped, "faults": faults,
        "ok": not faults,
    }


def put_right(step):
    """Undoes what was done, and waits until all is as it was."""
    faults = []
    for undo in reversed(step.undo):
        try:
            undo()
        except Exception as error:
            traceback.print_exc()
            faults.append(f"it could not be undone: {error}")
    if step.process:
        step.clients_end()
    wanted = {instance.address for instance in step.running()}
    try:
        wait_until(lambda: set(step.targets.in_service()) == wanted, 60, "all instances are in service")
    except TimeoutError as error:
        faults.append(str(error))
    return faults


def observe(step, spent, faults):
    """The numbers; what is wrong with them goes to `faults`."""
    if not spent:
        return dict.fromkeys(("sent", "served", "rebuilt", "delivered", "lost"), 0), 0
    if not step.log.exists():
        faults.append("the clients left no log")
    clients = {entry["id"]: entry for entry in logs.lines(step.log)}
    lost = spent.lost.total()
    unexplained = [name for name in spent.lost if not may_be_lost(step, spent, clients.get(name))]
    too_many = more_than_counted(step, spent, clients)
    if unexplained:
        faults.append(f"lost outside of what the fault explains: {len(unexplained)}, such as {clients.get(unexplained[0])}")
    if too_many:
        faults.append(too_many)
    for text, holds in step.proofs:
        if not (holds(spent) if callable(holds) else holds):
            faults.append(f"the fault did not happen: not true that {text}")
    unanswered = [entry for entry in clients.values() if entry["status"] != 200]
    if unanswered and not step.fault.flood:
        faults.append(f"{len(unanswered)} clients noticed, such as {unanswered[0]}")
    again = spent.total("output.retries") + (len(spent.served) if step.fault.twice else 0)
    if spent.extra.total() > again:
        faults.append(f"delivered more often than served: {spent.extra.total()}, such as {next(iter(spent.extra))}")
    return {"sent": len(clients), "served": len(spent.served), "rebuilt": spent.counters["requests_rebuilt"],
            "delivered": spent.delivered.total(), "lost": lost, "twice": spent.extra.total(), "missed": spent.missed(),
            "window_s": round(step.end - step.begin, 2)}, 0 if too_many else lost - len(unexplained)


def unbalanced(step, spent):
    """What is in no counter, or in two."""
    faults = [f"a law does not hold: {law}" for law in spent.broken_laws()]
    if sum(map(abs, spent.frames_unaccounted().values())) > spent.dropped_by_kernel():
        faults.append(f"frames that the balancer sent are in no counter: {spent.frames_unaccounted()}")
    return faults


def may_be_lost(step, spent, entry):
    """Whether the fault explains that this request, in a client's words, was not delivered."""
    rule = step.fault.may_lose
    if entry is None or rule == NOTHING:
        return False
    if rule == CUT:
        return entry["kind"] == "upload"
    in_window = entry["sent"] <= step.end and (entry["answered"] or time.time()) >= step.begin - MARGIN_S
    if rule == COUNTED:
        return in_window
    return in_window or (entry["kind"] == "h2" and entry["since"] <= step.end)


def mixed_connections(step, spent, clients):
    """A connection is in one flow of the balancer's, and that goes to one instance: within the window its requests are all
    lost, or none is. Otherwise an instance that nothing had happened to has lost some."""
    seen = collections.defaultdict(lambda: ([], []))
    for name, entry in clients.items():
        if step.begin + EDGE_S < entry["sent"] and (entry["answered"] or step.end) < step.end - EDGE_S:
            seen[entry["port"], entry["since"]][name in spent.lost].append(name)
    return [f"{lost[0]} lost, {delivered[0]} not" for delivered, lost in seen.values() if lost and delivered]


def more_than_counted(step, spent, clients):
    """Where the counters have to explain losses as well: a sentence, if they don't."""
    rule, lost = step.fault.may_lose, spent.lost.total()
    if rule in (COUNTED, CUT) and lost > (counted := spent.undelivered()):
        return f"{lost} lost, but the instances count {counted} as lost, shed or failed"
    if rule == WINDOW and not step.fault.flood and (mixed := mixed_connections(step, spent, clients)):
        return f"{len(mixed)} connections lost some of their requests in the window and not others, such as {mixed[0]}"
    if rule == DROPPED:
        sessions = {clients[name]["port"] for name in spent.lost if name in clients and clients[name]["kind"] == "h2"}
        single = sum(clients[name]["kind"] != "h2" for name in spent.lost if name in clients)
        holes = spent.counters["tcp_gaps"]
        hit = single + len(sessions)
        if max(hit, holes) > step.frames_dropped or hit > holes + spent.total("requests_lost_"):
            return (f"{single} requests and {len(sessions)} HTTP/2 connections lost, by {step.frames_dropped} frames, which "
                    f"left {holes} holes")
    return None
