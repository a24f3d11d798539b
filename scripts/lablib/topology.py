# SPDX-License-Identifier: Apache-2.0
"""The hosts of the laboratory, and the network that they share.

    clients ─┐                             ┌─ rebuilder1..N (and one more, that faults may start)
    origin1 ─┤                             │
    origin2 ─┼── switch (a bridge: the VPC) ┼─ alb
    balancer ┘                             └─ waf1..M

Each host is a network namespace with one interface, eth0, as an instance on EC2 has one. What arrives at an origin's is
copied by the kernel's VXLAN device, as AWS does: outer source = the interface's own address, outer source ports 65408 to
65534 by the flow's hash, TTL 255, no UDP checksum, TCP only (the mirror filter that we deploy), one way. The copies go to
the balancer, which hands them on to a rebuilder with their source address kept.

A topology that `start()` made belongs to the process that made it (scripts/lab's keeper); others `load()` it.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

from lab import NAME, environment, is_alive, no_dad, remove_leftovers, run

VNI, SECOND_VNI = 1377, 1378
MTU = 9001          # of a VPC
INTERNET_MTU = 1500  # of the path between clients and origins
PACKET_LENGTH = 8500  # what a mirror session with an NLB for its target leaves of a frame
OUTER_PORTS = (65408, 65535)  # the kernel leaves the last one out
PREFIX_V4, PREFIX_V6 = 16, 64
NETWORK_V6 = "2001:db8::"
SWITCH = "switch"


def address_of(name):
    """The address of a host by its name."""
    digits = name.lstrip("abcdefghijklmnopqrstuvwxyz")
    kind, number = name[:len(name) - len(digits)], int(digits or 1)
    third = {"clients": 1, "origin": 2, "balancer": 9, "rebuilder": 3, "alb": 4, "waf": 5}[kind]
    return f"10.0.{third}.{10 + number}"


class Host:
    """One namespace with its address. Processes that are started here live on until the topology's end, or their own."""

    def __init__(self, topology, name, namespace):
        self.topology, self.name, self.namespace = topology, name, namespace
        if name != SWITCH:
            self.address = address_of(name)
            self.address6 = NETWORK_V6 + ":".join(self.address.split(".")[2:])

    def start(self, command, log, **options):
        """Starts a process whose words go to the file `log`, in the background."""
        with open(log, "ab") as said:
            return subprocess.Popen(["ip", "netns", "exec", self.namespace, *map(str, command)], stdin=subprocess.DEVNULL,
                                    stdout=said, stderr=subprocess.STDOUT, start_new_session=True, env=environment(),
                                    **options)

    def ip(self, *arguments):
        run(["ip", "-n", self.namespace, *arguments])

    def run(self, command, **options):
        """Runs a command here to its end."""
        return run(["ip", "netns", "exec", self.namespace, *command], **options)

    def output(self, command, **options):
        """What a command here says."""
        return self.run(command, stdout=subprocess.PIPE, **options).stdout.decode(errors="replace")

    def nft(self, rules):
        self.run(["nft", "-f", "-"], input=rules.encode())

    def sysctl(self, **values):
        for name, value in values.items():
            self.run(["sysctl", "-q", "-w", f"{name.replace('__', '.')}={value}"])

    def pids(self):
        listed = subprocess.run(["ip", "netns", "pids", self.namespace], capture_output=True, text=True, env=environment())
        return [int(word) for word in listed.stdout.split()]

    def offloads_off(self, interface):
        off = [word for feature in ("tso", "gso", "gro", "tx", "rx") for word in (feature, "off")]
        self.run(["ethtool", "-K", interface, *off], stdout=subprocess.DEVNULL)

    def unplug(self):
        """The host vanishes from the network: nobody is told."""
        self.topology.switch.ip("link", "set", self.name, "down")

    def plug_in(self):
        self.topology.switch.ip("link", "set", self.name, "up")


class Topology:
    """`dir` is the run folder: configuration, logs and results of everything that runs here."""

    def __init__(self, dir, instances=1, waf_nodes=2):
        self.dir = Path(dir).resolve()
        self.instances, self.waf_nodes = instances, waf_nodes
        self.cleanup = contextlib.ExitStack()
        self.hosts = {}

    def names(self):
        """One rebuilder's host more than there are instances: for one that is added."""
        return ["clients", "origin1", "origin2", "balancer", *(f"rebuilder{n + 1}" for n in range(self.instances + 1)),
                "alb", *(f"waf{n + 1}" for n in range(self.waf_nodes))]

    def _make(self, name):
        host = Host(self, name, f"{NAME}-{os.getpid()}-{name}")
        run(["ip", "netns", "add", host.namespace])
        self.cleanup.callback(subprocess.run, ["ip", "netns", "del", host.namespace], capture_output=True, env=environment())
        host.ip("link", "set", "lo", "up")
        return self._own(host)

    def _own(self, host):
        self.hosts[host.name] = host
        setattr(self, host.name, host)
        return host

    @property
    def rebuilders(self):
        return [self.hosts[f"rebuilder{n + 1}"] for n in range(self.instances + 1)]

    @property
    def origins(self):
        return [self.origin1, self.origin2]

    @property
    def wafs(self):
        return [self.hosts[f"waf{n + 1}"] for n in range(self.waf_nodes)]

    def start(self):
        """Makes the hosts and the network. `stop()` is owed from here on, also if this fails."""
        remove_leftovers()
        self.dir.mkdir(parents=True, exist_ok=True)
        switch = self._make(SWITCH)
        switch.ip("link", "add", "vpc", "mtu", MTU, "type", "bridge", "mcast_snooping", 0)
        switch.sysctl(net__ipv6__conf__all__disable_ipv6=1)
        switch.ip("link", "set", "vpc", "up")
        for number, name in enumerate(self.names()):
            self._connect(self._make(name), number + 1)
        self._clients_path()
        self._rebuilders_own_interface()
        for origin in self.origins:
            self.mirror(origin)
        return self

    def _connect(self, host, number):
        mac = f"02:00:00:00:00:{number:02x}"
        host.ip("link", "add", "eth0", "mtu", MTU, "address", mac, "type", "veth",
                "peer", "name", host.name, "mtu", MTU, "netns", self.switch.namespace)
        for end, interface in ((host, "eth0"), (self.switch, host.name)):
            end.offloads_off(interface)
            end.ip("link", "set", interface, "up")
        self.switch.ip("link", "set", host.name, "master", "vpc")
        if not host.name.startswith("rebuilder"):
            self._give_address(host, "eth0")

    @staticmethod
    def _give_address(host, interface):
        host.ip("address", "add", f"{host.address}/{PREFIX_V4}", "dev", interface)
        host.ip("address", "add", f"{host.address6}/{PREFIX_V6}", "dev", interface, *no_dad(host.address6))

    def _clients_path(self):
        self.set_path_mtu(INTERNET_MTU)
        # A connection keeps the hash that its frames carry from socket to mirror, also when it sends something again:
        # AWS takes the outer source port from the addresses and ports only.
        self.clients.sysctl(net__core__txrehash=0)
        self.clients.sysctl(net__ipv4__ip_local_port_range="10000 64000")

    def set_path_mtu(self, mtu):
        """How large the packets between clients and origins are."""
        for origin in self.origins:
            self.clients.ip("route", "replace", origin.address, "dev", "eth0", "mtu", "lock", mtu, "advmss", mtu - 40)
            self.clients.ip("-6", "route", "replace", origin.address6, "dev", "eth0", "mtu", "lock", mtu, "advmss", mtu - 60)

    def _rebuilders_own_interface(self):
        """An instance's only interface belongs to the rebuilder, as with a DPDK driver: its kernel gets nothing of what
        arrives there. With packet sockets the kernel would get a copy of everything, and answer ARP and health checks by
        itself, or answer mirrored frames; so it is cut off, and all that is for it has to come through the exception path,
        rb0, which has the addresses. The device is made here, so that it stays when a rebuilder goes."""
        for host in self.rebuilders:
            host.nft('table netdev rebuilder {\n chain in {\n  type filter hook ingress device "eth0" priority 0; policy drop;\n }\n}')
            host.sysctl(net__ipv6__conf__eth0__disable_ipv6=1)
            mac = json.loads(host.output(["ip", "-json", "link", "show", "dev", "eth0"]))[0]["address"]
            host.ip("tuntap", "add", "dev", "rb0", "mode", "tap")
            host.ip("link", "set", "rb0", "mtu", MTU, "address", mac)
            self._give_address(host, "rb0")

    def mirror(self, host, vni=VNI, device="vx0", hook="ingress"):
        """A mirror session of the host's interface, whose target is the balancer."""
        host.ip("link", "add", device, "mtu", PACKET_LENGTH, "type", "vxlan", "id", vni, "dev", "eth0",
                "srcport", OUTER_PORTS[0], OUTER_PORTS[1], "dstport", 4789, "local", host.address,
                "remote", self.balancer.address, "ttl", 255, "nolearning", "noudpcsum")
        host.offloads_off(device)
        host.sysctl(**{f"net__ipv6__conf__{device}__disable_ipv6": 1})  # it says nothing of its own
        host.ip("link", "set", device, "up")
        self.set_mirror_rules(host, f'meta l4proto tcp dup to "{device}"', hook)

    @staticmethod
    def set_mirror_rules(host, rules, hook="ingress"):
        """What the mirror of a host does with a frame; "" for nothing. Its counter `dropped` is there for rules, and stays."""
        host.nft(f'table netdev mirror {{\n counter dropped {{ }}\n chain {hook} {{\n'
                 f'  type filter hook {hook} device "eth0" priority 0; policy accept;\n }}\n}}\n'
                 f'flush chain netdev mirror {hook}\ntable netdev mirror {{\n chain {hook} {{\n  {rules}\n }}\n}}')

    def write_state(self, **more):
        state = {"keeper": os.getpid(), "instances": self.instances, "waf_nodes": self.waf_nodes,
                 "namespaces": {name: host.namespace for name, host in self.hosts.items()}, **more}
        path = self.dir / "state.json"
        path.with_suffix(".tmp").write_text(json.dumps(state, indent=1) + "\n")
        path.with_suffix(".tmp").rename(path)

    @classmethod
    def load(cls, dir):
        """The topology that a keeper has made and still keeps."""
        path = Path(dir) / "state.json"
        try:
            state = json.loads(path.read_text())
        except OSError:
            raise FileNotFoundError(f"no lab in {dir}: start one with 'scripts/lab up'") from None
        if not is_alive(state["keeper"]):
            raise ProcessLookupError(f"the lab in {dir} has ended: start one with 'scripts/lab up'")
        topology = cls(dir, state["instances"], state["waf_nodes"])
        topology.state = state
        for name, namespace in state["namespaces"].items():
            topology._own(Host(topology, name, namespace))
        return topology

    def stop(self):
        """Ends every process in the hosts, and removes them."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            end = time.monotonic() + 10
            first = True
            while pids := [pid for host in self.hosts.values() for pid in host.pids()]:
                if first or number == signal.SIGKILL:
                    for pid in pids:
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGCONT)
                            os.kill(pid, number)
                first = False
                if time.monotonic() > end:
                    break
                reap()
                time.sleep(0.05)
        self.cleanup.close()


def reap():
    """Children that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
