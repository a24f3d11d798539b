# SPDX-License-Identifier: Apache-2.0
"""Starts the whole laboratory, and keeps it: a process in the background that owns namespaces and daemons until it is told
to end, or until its time is over. So a lab that is forgotten ends by itself, and one whose keeper is killed is removed by
the next.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import lab
from lab import environment, is_alive, wait_until

from . import accounts, instances, origins, waf
from .topology import Topology, reap

FAULT = "rebuilder: fault:"  # how it says that it has found a fault of its own
TOOLS = ("ip", "nft", "conntrack", "ethtool", "ss", "curl", "nginx", "node", "haproxy")


def unavailable():
    """Why there can be no lab here, or None."""
    if reason := lab.unavailable():
        return reason
    if missing := [tool for tool in TOOLS if not shutil.which(tool, path=lab.tool_path())]:
        return f"not installed: {', '.join(missing)} (scripts/deps installs them)"
    if not Path("/dev/net/tun").exists():
        return "no /dev/net/tun"
    return waf.unavailable()


def state_of(folder):
    """What the keeper of a lab wrote when all of it was up; None, when there is none that lives."""
    try:
        state = json.loads((Path(folder) / "state.json").read_text())
    except (OSError, ValueError):
        return None
    return state if is_alive(state["keeper"]) else None


def up(script, folder, count, waf_nodes, minutes, interval, binary, say=print):
    """Starts a keeper, and returns when the lab is up."""
    folder = Path(folder).resolve()
    if state_of(folder):
        raise RuntimeError(f"a lab is up in {folder} already: 'scripts/lab down' ends it")
    if folder.exists() and any(folder.iterdir()) and not (folder / "keeper.log").exists():
        raise RuntimeError(f"{folder} has files that are not a lab's: choose another --dir")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    log = folder / "keeper.log"
    with log.open("wb") as said:
        keeper = subprocess.Popen([sys.executable, script, "--dir", folder, "keep", f"--instances={count}",
                                   f"--waf-nodes={waf_nodes}", f"--minutes={minutes}", f"--interval={interval}",
                                   f"--rebuilder={binary}"], stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                  start_new_session=True, env=environment())
    shown = 0
    end = time.monotonic() + 120
    while True:
        ended, lines = keeper.poll() is not None, log.read_text(errors="replace").splitlines()
        for line in lines[shown:]:
            say(line)
        shown = len(lines)
        if state_of(folder):
            return
        if ended or time.monotonic() > end:
            if not ended:
                keeper.terminate()
            raise RuntimeError(f"the lab did not come up; {log} says why")
        time.sleep(0.1)


def down(folder, say=print):
    """Ends a lab, if there is one. What it wrote stays. Answers whether every law of the ledgers holds."""
    state = state_of(folder)
    if not state:
        say(f"no lab is up in {folder}")
        return True
    os.kill(state["keeper"], signal.SIGTERM)
    wait_until(lambda: not is_alive(state["keeper"]), 90, "the lab ends")
    laws, broken = 0, []
    for path in sorted(Path(folder).glob("rebuilder*.ledger.json")):
        ledger = json.loads(path.read_text())
        laws += len(ledger["laws"])
        broken += [f"{path.name}: {text}" for _, text in accounts.unbalanced(ledger)]
    for path in sorted(Path(folder).glob("rebuilder*.log")):
        broken += [f"{path.name}: {line}" for line in path.read_text(errors="replace").splitlines() if line.startswith(FAULT)]
    say(f"ended; {laws} laws of the instances' ledgers, {len(broken)} broken; {folder} has its logs and results")
    for text in broken:
        say(f"  {text}")
    return not broken


def keep(folder, count, waf_nodes, minutes, interval, binary):
    """The keeper itself."""
    ending = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.append(True))
    deadline = time.monotonic() + minutes * 60
    topology = Topology(folder, count, waf_nodes)
    topology.state = {"binary": str(binary)}
    try:
        start(topology, interval)
        topology.write_state(binary=str(binary), started=time.time(), minutes=minutes)
        while not ending and time.monotonic() < deadline:
            time.sleep(0.2)
            reap()
        stop_instances(topology)
    finally:
        topology.stop()
        (topology.dir / "state.json").unlink(missing_ok=True)


def start(topology, interval):
    began = time.monotonic()

    def say(what):
        print(f"{time.monotonic() - began:5.1f} s  {what}", flush=True)

    topology.start()
    say(f"network: {', '.join(topology.names())}")
    origins.start(topology)
    say(f"origins: nginx at {topology.origin1.address}, Node at {topology.origin2.address}, mirrored")
    waf.start_nodes(topology)
    say(f"analysers: haproxy at {topology.alb.address}:{instances.ALB_PORT}, {topology.waf_nodes} nodes behind it")
    targets = instances.Targets(topology)
    targets.start_balancer(interval)
    started = [instances.Instance(topology, number + 1) for number in range(topology.instances)]
    for instance in started:
        instance.start()
        targets.register(instance)
    for instance in started:
        targets.wait(instance, "healthy")
    say(f"balancer at {topology.balancer.address}:4789, {topology.instances} rebuilder(s), all healthy")


def stop_instances(topology):
    """Each writes its ledger. The mirrors end first, so that nothing is on its way."""
    for origin in topology.origins:
        topology.set_mirror_rules(origin, "")
    time.sleep(0.5)
    for instance in instances.running(topology):
        try:
            instance.stop()
        except TimeoutError as error:
            print(error, flush=True)
