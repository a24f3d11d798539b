#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The stand-in for AWS's network load balancer: UDP on port 4789 over the targets that are well.

    balancer.py FOLDER ADDRESS        runs in the balancer's namespace, until SIGTERM

What it has in common with the real one: a flow (source address and port; the rest is constant) is given to a healthy
target by its hash, and stays there until it was idle for 120 s; flows stay, too, when a target is added; those of a target
that is removed or unhealthy move with their next packet; when no target is healthy, all get traffic; the source address
is kept. Health checks are HTTP, to the target itself: GET /-/healthcheck on port 9445, 200 to 399 within the timeout.
The kernel does the work: nftables' dnat by jhash, and conntrack is the table of flows.

It reads FOLDER/targets.json, again whenever that changes:
    {"targets": ["10.0.3.11"], "interval": 5, "timeout": 6, "unhealthy": 2, "healthy": 2, "seed": 1}
Another `seed` is another hash, and forgets all flows: they move. It writes FOLDER/balancer.jsonl, a line for each change:
    {"ts", "event": "healthy"|"unhealthy"|"added"|"removed"|"rules", "target", "why", "in_service": [...]}
"""

import http.client
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

PORT, HEALTH_PORT = 4789, 9445
IDLE_S = 120
DEFAULTS = {"targets": [], "interval": 5, "timeout": 6, "unhealthy": 2, "healthy": 2, "seed": 1}


def rules(address, in_service, registered, seed):
    """All of it in one transaction: no packet meets half a table. Counters stay as they are."""
    to = ""
    if in_service:
        numbered = ", ".join(f"{number} : {target}" for number, target in enumerate(in_service))
        chosen = f"jhash ip saddr . udp sport mod {len(in_service)} seed {seed:#x} map {{ {numbered} }}"
        to = f"ip daddr {address} udp dport {PORT} dnat to {chosen if len(in_service) > 1 else in_service[0]}"
    counters = "".join(f" counter {counter_of(target)} {{ }}\n" for target in registered)
    counted = "".join(f"  ip daddr {target} udp dport {PORT} counter name {counter_of(target)}\n" for target in registered)
    return (f"table ip balancer {{\n{counters}"
            " chain choose { type nat hook prerouting priority dstnat; policy accept; }\n"
            " chain count { type filter hook forward priority filter; policy accept; }\n"
            # What no target takes goes nowhere: also no answer that the port is closed.
            " chain rest { type filter hook input priority filter; policy accept; }\n}\n"
            "flush chain ip balancer choose\nflush chain ip balancer count\nflush chain ip balancer rest\n"
            f"table ip balancer {{\n chain choose {{\n  {to}\n }}\n chain count {{\n{counted} }}\n"
            f" chain rest {{\n  udp dport {PORT} counter drop\n }}\n}}\n")


def counter_of(target):
    return "to_" + target.replace(".", "_")


class Target(threading.Thread):
    """Asks one target how it is, all the time."""

    def __init__(self, balancer, address):
        super().__init__(daemon=True)
        self.balancer, self.address = balancer, address
        self.healthy, self.registered = False, True

    def run(self):
        same = 0  # how many answers in a row say the opposite of `healthy`
        while self.registered:
            began, settings = time.monotonic(), self.balancer.settings
            well, why = self.ask(settings["timeout"])
            same = same + 1 if well != self.healthy else 0
            if same >= settings["healthy" if well else "unhealthy"] and self.registered:
                self.healthy, same = well, 0
                self.balancer.changed("healthy" if well else "unhealthy", self.address, why)
            time.sleep(max(0.0, settings["interval"] - (time.monotonic() - began)))

    def ask(self, timeout):
        connection = http.client.HTTPConnection(self.address, HEALTH_PORT, timeout=timeout)
        try:
            connection.request("GET", "/-/healthcheck", headers={"Host": f"{self.balancer.address}:{PORT}",
                                                                 "User-Agent": "ELB-HealthChecker/2.0"})
            answer = connection.getresponse()
            return 200 <= answer.status < 400, f"{answer.status} {answer.read(200).decode('latin-1')}"
        except OSError as error:
            return False, str(error)
        except http.client.HTTPException as error:
            return False, repr(error)
        finally:
            connection.close()


class Balancer:
    def __init__(self, folder, address):
        self.folder, self.address = folder, address
        self.settings = DEFAULTS
        self.targets, self.counted = {}, []
        self.in_service = None
        self.lock = threading.RLock()

    def read_settings(self):
        """Whoever writes the file renames it into its place."""
        settings = DEFAULTS | json.loads((self.folder / "targets.json").read_text())
        if settings == self.settings:
            return
        with self.lock:
            rehash = settings["seed"] != self.settings["seed"]
            self.settings = settings
            for address in [address for address in self.targets if address not in settings["targets"]]:
                self.targets.pop(address).registered = False
                self.changed("removed", address, "deregistered")
            for address in settings["targets"]:
                if address not in self.targets:
                    self.targets[address] = Target(self, address)
                    self.counted = sorted({*self.counted, address})
                    self.changed("added", address, "registered")
                    self.targets[address].start()
            if rehash:
                self.apply()
                self.forget()
                self.note("rules", None, f"seed {settings['seed']}")

    def changed(self, event, address, why):
        with self.lock:
            before = self.in_service
            self.apply()
            # In this order: what was forgotten is given to a target by the new rules.
            for left in set(before or []) - set(self.in_service):
                self.forget(left)
            self.note(event, address, why)

    def apply(self):
        registered = sorted(self.targets)
        self.in_service = [address for address in registered if self.targets[address].healthy] or registered
        subprocess.run(["nft", "-f", "-"], check=True, text=True,
                       input=rules(self.address, self.in_service, self.counted, self.settings["seed"]))

    def forget(self, target=None):
        """The flows of a target, or all, are new with their next packet."""
        subprocess.run(["conntrack", "-D", "-p", "udp", "--orig-port-dst", str(PORT),
                        *(["--reply-src", target] if target else [])], capture_output=True)

    def note(self, event, target, why):
        with (self.folder / "balancer.jsonl").open("a") as file:
            file.write(json.dumps({"ts": time.time(), "event": event, "target": target, "why": why,
                                   "in_service": self.in_service}) + "\n")


def main(folder, address):
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    for name in ("udp_timeout", "udp_timeout_stream"):
        Path(f"/proc/sys/net/netfilter/nf_conntrack_{name}").write_text(str(IDLE_S))
    balancer = Balancer(Path(folder), address)
    while not stop.wait(0.1):
        balancer.read_settings()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
