# SPDX-License-Identifier: Apache-2.0
"""What is done to the laboratory in each fault: one function each, which gets a Step. What is to come of it is in faults.py.

A function may begin with what has to be in place before clients start, then says `step.clients()`, does its harm, and
returns. From `step.harm()` to `step.healed()` is the window: outside of it nothing may be lost. What it undoes only when all
has been counted, it gives to `step.afterwards()`.
"""

import contextlib
import json
import signal
import sys
import time
from pathlib import Path

from lab import run, wait_until

from . import logs, waf
from .step import GAP_S
from .topology import INTERNET_MTU, MTU, PACKET_LENGTH, VNI

HERE = Path(__file__).parent


# ---- instances ----

def instance_added(step):
    spare = step.spare()
    step.clients()
    step.harm()
    spare.start()
    step.targets.register(spare)
    step.targets.wait(spare, "healthy")
    step.healed()
    time.sleep(step.length(4, 1))
    step.proof("the balancer has one target more in service", spare.address in step.targets.in_service())
    step.afterwards(lambda: step.remove(spare))


def instance_removed(step):
    """As an autoscaling group with a lifecycle hook does: deregistered, and ended when nothing comes any more."""
    victim = step.victim()
    step.clients()
    step.harm()
    step.targets.deregister(victim)
    step.targets.wait(victim, "removed")
    step.healed()
    time.sleep(GAP_S)
    victim.stop()
    step.ended(victim)
    step.proof("it ended with a ledger", victim.ledger_file.exists())
    step.afterwards(lambda: step.bring_back(victim))


def instance_terminated(step):
    """SIGTERM while it has traffic: it says 503 and works on, until the balancer has found out. Then the window is."""
    victim = step.victim()
    step.clients()
    pid = victim.pid
    victim.signal(signal.SIGTERM)
    step.targets.wait(victim, "unhealthy")
    step.harm()
    step.healed()
    step.proof("it outlives its flows", victim.pid == pid)
    victim.gone(pid)
    step.ended(victim)
    step.proof("it ended with a ledger", victim.ledger_file.exists())
    step.afterwards(lambda: step.bring_back(victim))


def instance_killed(step):
    victim = step.victim()
    step.clients()
    step.harm()
    victim.kill()
    step.ended(victim, ledger=False)
    step.targets.wait(victim, "unhealthy")
    step.healed()
    step.proof("it is gone", victim.pid == 0)
    step.afterwards(lambda: step.bring_back(victim))


def rehash(step):
    step.clients()
    step.harm()
    step.targets.rehash()
    wait_until(lambda: step.targets.events()[-1]["event"] == "rules", 5, "the balancer has another hash")
    step.healed()
    step.proof("connections were joined in the middle", lambda spent: spent.counters["flows_midstream"])


# ---- outputs ----

def alb_down(step):
    step.clients()
    step.harm()
    waf.stop_alb(step.topology)
    time.sleep(step.length(60, 3))
    waf.start_alb(step.topology)
    wait_until(lambda: waf.nodes_up(step.topology), 15, "the ALB finds its nodes")
    time.sleep(2)  # a forwarder tries again every 1.5 s at least, and finds out that the nodes are back
    step.healed()
    step.proof("connections failed", lambda spent: spent.counters["output.connect_failures"])


def alb_slow(step):
    step.clients()
    step.harm()
    waf.slow(step.topology, 300)
    time.sleep(step.length(10, 2))
    waf.slow(step.topology, 0)
    step.healed()
    step.proof("answers took longer", lambda spent: any(
        entry["took"] >= 300 for entry in logs.lines(step.topology.dir / "alb" / "requests.jsonl") if entry["time"] > step.begin))


def waf_500(step):
    step.clients()
    step.harm()
    waf.answer_500(step.topology)
    time.sleep(step.length(5, 2))
    waf.answer_500(step.topology, False)
    step.healed()
    step.proof("answers were 500", lambda spent: spent.total("output.answered_5xx"))


def waf_node_gone(step):
    last = step.topology.waf_nodes
    step.clients()
    step.harm()
    waf.stop_node(step.topology, last)
    wait_until(lambda: waf.nodes_up(step.topology) == last - 1, 15, "the ALB sees that a node is gone")
    step.healed()
    gone = not accepts(step.topology, last)
    time.sleep(step.length(3, 1))
    waf.start_node(step.topology, last)
    wait_until(lambda: waf.nodes_up(step.topology) == last, 15, "the ALB has the node back")
    step.proof("the node didn't accept", gone)


def accepts(topology, number):
    node = topology.hosts[f"waf{number}"]
    return topology.alb.run(["curl", "-s", "-m", 2, "-o", "/dev/null", f"http://{node.address}:{waf.HEALTH_PORT}/-/healthcheck"],
                            check=False).returncode == 0


# ---- the mirror ----

def mirror_loss(step):
    origins = step.topology.origins
    step.afterwards(step.kernel_mirrors)
    step.clients()
    step.harm()
    before = sum(map(dropped, origins))
    for origin in origins:
        step.topology.set_mirror_rules(origin, 'meta l4proto tcp numgen random mod 100 == 0 counter name dropped accept\n'
                                               '  meta l4proto tcp dup to "vx0"')
    time.sleep(step.length(12, 5))
    step.kernel_mirrors()
    step.healed()
    step.frames_dropped = sum(map(dropped, origins)) - before
    step.proof("the mirror dropped frames", step.frames_dropped)


def dropped(host):
    """What the counter of the mirror's rules says."""
    listed = json.loads(host.output(["nft", "-j", "list", "counter", "netdev", "mirror", "dropped"]))["nftables"]
    return next(part["counter"]["packets"] for part in listed if "counter" in part)


@contextlib.contextmanager
def user_mirrors(step, *options):
    """Mirrors in user space in the place of the kernel's. They say at their end what they did, in step.mirrored."""
    topology, started = step.topology, []
    for origin in topology.origins:
        log = topology.dir / f"{origin.name}.mirror.log"
        log.unlink(missing_ok=True)
        process = origin.start([sys.executable, HERE / "mirror.py", "eth0", origin.address, topology.balancer.address, VNI,
                                *options], log)
        started.append((process, log))
        wait_until(lambda log=log: "ready" in log.read_text(), 10, f"{origin.name}: the mirror in user space")
        topology.set_mirror_rules(origin, "")
    try:
        yield
    finally:
        step.kernel_mirrors()
        for process, log in started:
            process.terminate()
            process.wait(10)
            step.mirrored.update(json.loads(log.read_text().splitlines()[-1]))
        if step.mirrored["missed"]:
            raise RuntimeError(f"the mirror in user space missed {step.mirrored['missed']} frames: the step says nothing")


def reordering(step):
    with user_mirrors(step, "--swap", 5):
        step.clients()
        step.harm()
        time.sleep(step.length(8, 3))
        step.healed()
        step.clients_end()
        time.sleep(0.2)
    step.proof("frames came in another order", lambda spent: spent.counters["tcp_out_of_order_segments"])


def second_eni(step):
    """The interface on the other end of the path is mirrored, too: the same frames from another source, with its own hash.
    All sessions that the terraform modules make have the same VNI."""
    clients = step.topology.clients
    step.clients()
    step.harm()
    step.topology.mirror(clients, VNI, "vx1", "egress")
    time.sleep(step.length(8, 3))
    step.clients_end()
    step.topology.set_mirror_rules(clients, "", "egress")
    clients.ip("link", "del", "vx1")
    step.healed()
    step.proof("copies came twice", lambda spent: spent.counters["tcp_duplicate_bytes"] or spent.extra)


def jumbo(step):
    topology = step.topology
    topology.set_path_mtu(MTU)
    step.afterwards(lambda: topology.set_path_mtu(INTERNET_MTU))
    with user_mirrors(step, "--length", PACKET_LENGTH):
        step.clients()
        step.harm()
        time.sleep(step.length(8, 3))
        step.healed()
        step.clients_end()
        time.sleep(0.2)
    step.proof("the mirror cut frames", step.mirrored["cut"])


def mtu_change(step):
    topology = step.topology
    step.afterwards(lambda: topology.set_path_mtu(INTERNET_MTU))
    step.clients()
    step.harm()
    seen = set()
    for mtu in (1300, 8400, 576, INTERNET_MTU):
        topology.set_path_mtu(mtu)
        time.sleep(step.length(2, 1))
        said = topology.clients.output(["ss", "-Htin", "state", "established"])
        seen |= {word for word in said.split() if word.startswith("mss:")}
    step.healed()
    step.proof("connections had segments of several sizes", len(seen) > 1)


# ---- an instance's host ----

def clock_step(step):
    """A time namespace can only shift the clocks that count from the start, and only before the process begins; a pause lets
    all clocks jump. The machine's wall clock is everybody's and stays."""
    instance = step.victim()
    step.targets.deregister(instance)
    step.targets.wait(instance, "removed")
    time.sleep(GAP_S)
    instance.stop()
    offset = 1000 * 86400
    instance.start(("unshare", "--time", "--monotonic", offset, "--boottime", offset, "--fork", "--kill-child"))
    step.afterwards(lambda: step.restart(instance))
    step.targets.register(instance)
    step.targets.wait(instance, "healthy")
    step.clients()
    step.harm()
    instance.signal(signal.SIGSTOP)
    time.sleep(0.8)
    instance.signal(signal.SIGCONT)
    step.healed()
    time.sleep(step.length(4, 1))
    uptime = float(Path(f"/proc/{instance.pid}/timens_offsets").read_text().split()[1])
    step.proof("its clock is years ahead", uptime == offset)


def reload(step):
    instance = step.victim()
    step.afterwards(lambda: step.reconfigure(instance))
    step.clients()
    step.harm()
    for changes in ({"pipeline": 4}, {"pipeline": 4, "set-header": ["X-Stage: second"]}, {}):
        step.reconfigure(instance, **changes)
        time.sleep(step.length(2, 0.5))
    step.healed()
    step.proof("it says that it has read it", instance.said().count("reloaded: ") >= 3)


def disk_full(step):
    """A log of the requests on a file system of 8 KB, in the instance's own view of the files."""
    instance = step.victim()
    folder = step.topology.dir / "small-disk"
    folder.mkdir(exist_ok=True)
    inside = ["nsenter", "-t", instance.pid, "-m"]
    run([*inside, "mount", "-t", "tmpfs", "-o", "size=8k", "lab", folder])

    def undo():
        step.reconfigure(instance)
        run([*inside, "umount", "-l", folder], check=False)
    step.afterwards(undo)
    step.reconfigure(instance, output=[instance.output, f"jsonl:{folder}/requests.jsonl"])
    step.clients()
    step.harm()
    time.sleep(step.length(10, 5))
    step.healed()
    step.proof("the log could not be written", lambda spent: spent.counters["log.failed_write"])


def hugepages_short(step):
    """Where they are short, an instance runs without, and says so; with a card, which needs them, it says that it can't."""
    spare = step.spare()
    facts = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    free = int(facts["HugePages_Free"].split()[0]) * int(facts["Hugepagesize"].split()[0])
    if free > 64 << 10:
        step.skip(f"{free >> 10} MB of hugepages are free on this machine")
        return
    step.clients()
    step.harm()
    before = len(spare.said())
    spare.start()
    said = [line for line in spare.said(before).splitlines() if "hugepages" in line]
    step.healed()
    step.proof(f"it says so, in one line, with what to do: {said}", len(said) == 1 and "reserve them with" in said[0])
    step.afterwards(spare.stop)


# ---- hostile ----

def syn_flood(step):
    origin = step.topology.origin1
    mac = json.loads(origin.output(["ip", "-json", "link", "show", "dev", "eth0"]))[0]["address"]
    flood(step, "syn", "eth0", mac, origin.address, 80, step.length(5, 1))


def random_bytes(step):
    flood(step, "bytes", step.topology.balancer.address, 4789, step.length(5, 1))


def flood(step, *arguments):
    step.clients()
    step.harm()
    said = step.topology.clients.output([sys.executable, HERE / "flood.py", *arguments])
    # It may have kept health checks from being answered in time; and what waits in queues has to get through.
    wanted = {instance.address for instance in step.running()}
    wait_until(lambda: set(step.targets.in_service()) == wanted, 60, "all instances are in service again")
    time.sleep(2)
    step.healed()
    step.note(f"{int(said)} packets in {arguments[-1]} s")
    step.proof("it was a flood", int(said) > 10000)
    time.sleep(step.length(4, 2))
