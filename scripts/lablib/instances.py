# SPDX-License-Identifier: Apache-2.0
"""The rebuilder instances: their configuration, start and end, what they say of themselves; and the balancer's targets.

Files of instance K in the run folder: rebuilderK.toml, rebuilderK.log, rebuilderK.pid, rebuilderK.ledger.json (written at
its end; when it was started again, the earlier ones are rebuilderK-1.ledger.json, ...), rebuilderK.samples.jsonl.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from lab import environment, is_alive, wait_until

from . import ROOT
from .topology import reap

ALB_PORT = 8445
BINARIES = ("build-bench", "build")  # folders that may have one, the fastest first
# Small, so that four fit on one machine beside everything else; a customer's have the defaults.
SETTINGS = {
    "workers": 1, "forwarders": 1, "idle-sleep": "1ms", "buffers": "48M", "held": "32M", "max-flows": 32768,
    # Behind a node that examines a large body, as many requests wait as there are connections to it.
    "connections": 32,
    "idle-timeout": "60s",  # so that it is seen at work
    "queue": 8192, "timeout": "5s", "exception-path": "tap", "drain-timeout": "10s",
    "lame-duck": "15s",  # two failed checks, 5 s apart, and some
}


def find_binary(given=None):
    """The rebuilder to run."""
    tried = [Path(given)] if given else [ROOT / folder / "app/rebuilder/rebuilder" for folder in BINARIES]
    for path in tried:
        if os.access(path, os.X_OK) and path.is_file():
            return path.resolve()
    raise FileNotFoundError(f"no rebuilder at {', '.join(map(str, tried))}: build it with 'ninja -C build', or say --rebuilder")


class Instance:
    """Instance number K, on its host; whoever started it."""

    def __init__(self, topology, number):
        self.topology, self.number = topology, number
        self.host = topology.hosts[f"rebuilder{number}"]
        self.name, self.address = self.host.name, self.host.address
        self.pid_file = topology.dir / f"{self.name}.pid"
        self.ledger_file = topology.dir / f"{self.name}.ledger.json"
        self.log = topology.dir / f"{self.name}.log"
        self.toml = topology.dir / f"{self.name}.toml"

    @property
    def output(self):
        return f"http://{self.topology.alb.address}:{ALB_PORT}"

    def configure(self, **changes):
        # Workers move freely: pinned, they would all be on the same CPU, as each instance believes to be alone.
        cpus = "(" + ",".join(map(str, sorted(os.sched_getaffinity(0)))) + ")"
        settings = SETTINGS | {"lcores": f"0@{cpus},1@{cpus}", "input": ["af_packet:eth0"],
                               "output": [self.output],
                               "ledger": str(self.ledger_file), "admin-listen": "127.0.0.1:9446",
                               "health-listen": "0.0.0.0:9445"} | changes
        new = self.toml.with_suffix(".new")
        new.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items()))
        new.rename(self.toml)

    def command(self):
        return [self.topology.state["binary"], "run", "-c", self.toml]

    def start(self, inside=()):
        """Returns when it says that it is ready. `inside`: a command that starts it as its child."""
        self._keep_ledger()
        if not self.toml.exists():
            self.configure()
        before = self.log.stat().st_size if self.log.exists() else 0
        process = self.host.start([*inside, *self.command()], self.log)
        wait_until(lambda: self._ready(process, before), 30, f"{self.name}: ready")
        pid = process.pid
        if inside:
            pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        self.pid_file.write_text(f"{pid}\n")

    def _keep_ledger(self):
        if self.ledger_file.exists():
            number = 1
            while (kept := self.topology.dir / f"{self.name}-{number}.ledger.json").exists():
                number += 1
            self.ledger_file.rename(kept)

    def said(self, since=0):
        return self.log.read_bytes()[since:].decode(errors="replace") if self.log.exists() else ""

    def _ready(self, process, before):
        said = self.said(before)
        if process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with status {process.returncode}: {said}")
        return any(line.startswith("rebuilder: ready") for line in said.splitlines())

    @property
    def pid(self):
        """0 if it doesn't run."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            pid = int(self.pid_file.read_text())
            return pid if is_alive(pid) else 0
        return 0

    def signal(self, number):
        if not (pid := self.pid):
            raise RuntimeError(f"{self.name} doesn't run")  # and 0 would be this process's own group
        os.kill(pid, number)

    def stop(self):
        """Asked twice, it doesn't wait for the balancer. Returns when it has written its ledger."""
        if pid := self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
                time.sleep(0.2)
                os.kill(pid, signal.SIGTERM)
            self.gone(pid)

    def gone(self, pid, seconds=25):
        wait_until(lambda: reap() or not is_alive(pid), seconds, f"{self.name} ends")

    def kill(self):
        pid = self.pid
        self.signal(signal.SIGKILL)
        wait_until(lambda: reap() or not is_alive(pid), 5, f"{self.name} is gone")

    def get(self, path):
        """One of the JSON documents of its admin port; None, if it doesn't answer."""
        done = subprocess.run(["ip", "netns", "exec", self.host.namespace, "curl", "-sS", "-m", "5",
                               f"http://127.0.0.1:9446{path}"], capture_output=True, env=environment())
        return json.loads(done.stdout) if done.returncode == 0 else None

    def ledger(self):
        """The counters as they are now; of one that has ended, those of the end."""
        if self.pid:
            return self.get("/ledger")
        return json.loads(self.ledger_file.read_text()) if self.ledger_file.exists() else None


def running(topology):
    return [instance for n in range(topology.instances + 1) if (instance := Instance(topology, n + 1)).pid]


def all_instances(topology):
    return [Instance(topology, n + 1) for n in range(topology.instances + 1)]


class Targets:
    """What the balancer is told: who its targets are, and how they are checked."""

    def __init__(self, topology):
        self.topology = topology
        self.file = topology.dir / "targets.json"
        self.events_file = topology.dir / "balancer.jsonl"

    def settings(self):
        return json.loads(self.file.read_text())

    def write(self, settings):
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(settings) + "\n")
        new.rename(self.file)

    def change(self, **changes):
        self.write(self.settings() | changes)

    def register(self, instance):
        self.change(targets=sorted({*self.settings()["targets"], instance.address}))

    def deregister(self, instance):
        self.change(targets=[address for address in self.settings()["targets"] if address != instance.address])

    def events(self):
        if not self.events_file.exists():
            return []
        return [json.loads(line) for line in self.events_file.read_text().splitlines()]

    def in_service(self):
        events = self.events()
        return events[-1]["in_service"] if events else []

    def health(self, instance):
        """healthy, unhealthy, added or removed."""
        own = [event["event"] for event in self.events() if event["target"] == instance.address]
        return own[-1] if own else None

    def wait(self, instance, state, seconds=60):
        wait_until(lambda: self.health(instance) == state, seconds, f"the balancer takes {instance.name} as {state}")

    def rehash(self):
        self.change(seed=self.settings()["seed"] + 1)

    def sent(self):
        """Datagrams that the balancer has given to each target, since its start."""
        listed = self.topology.balancer.output(["nft", "-j", "list", "counters", "table", "ip", "balancer"])
        counters = {each["counter"]["name"]: each["counter"]["packets"]
                    for each in json.loads(listed)["nftables"] if "counter" in each}
        return {name[3:].replace("_", "."): count for name, count in counters.items()}

    def start_balancer(self, interval):
        # A timeout of the interval's length keeps the rhythm; AWS has 6 s at 10 s.
        self.write({"targets": [], "interval": interval, "timeout": max(1, min(6, interval)), "unhealthy": 2, "healthy": 2,
                    "seed": 1})
        host = self.topology.balancer
        host.sysctl(net__ipv4__ip_forward=1, net__ipv4__conf__all__send_redirects=0, net__ipv4__conf__eth0__send_redirects=0,
                    net__ipv4__conf__all__rp_filter=0)
        host.start([sys.executable, Path(__file__).parent / "balancer.py", self.topology.dir, host.address],
                   self.topology.dir / "balancer.log")


def frames_arrived(instance):
    """Of those for its interface: UDP and anything else; the kernel counts them before the rebuilder does."""
    listed = instance.host.output(["ip", "-json", "-s", "link", "show", "dev", "eth0"])
    return json.loads(listed)[0]["stats64"]["rx"]


def sample(topology, quiet=False):
    """A line for each running instance: what it says in /status.json, and what the kernel knows of its process. `quiet`:
    nothing is on its way."""
    for instance in running(topology):
        if status := instance.get("/status.json"):
            line = {"ts": time.time(), "pid": instance.pid, "quiet": quiet, "process": process_facts(instance.pid),
                    "status": status}
            with (topology.dir / f"{instance.name}.samples.jsonl").open("a") as file:
                file.write(json.dumps(line) + "\n")


def process_facts(pid):
    """Resident memory, open files, threads and the CPU time used."""
    try:
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return {"rss_kib": int(status["VmRSS"].split()[0]), "hugetlb_kib": int(status["HugetlbPages"].split()[0]),
                "files": len(list(Path(f"/proc/{pid}/fd").iterdir())), "threads": int(status["Threads"]),
                "cpu_s": (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")}
    except (FileNotFoundError, ProcessLookupError, KeyError):
        return {}
