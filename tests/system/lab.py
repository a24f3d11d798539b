# SPDX-License-Identifier: Apache-2.0
"""A laboratory of network namespaces for system tests: hosts, cables, mirrors, web servers, the rebuilder.

    with Lab() as lab:
        client, server = lab.host("client"), lab.host("server")
        lab.cable(client, "eth0", server, "eth0")
        ...

Everything belongs to the Lab and goes with it: on return, on an exception, on SIGTERM and after `seconds`.
Names carry the process id, so labs can run side by side; processes die with their lab even if it is killed,
and the next lab removes what such a death left behind. Needs root. Nothing leaves the namespaces.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

NAME = "rebuilder-lab"
TOOLS = ("ip", "nft", "ethtool", "nginx", "curl", "setpriv")

CLIENT_V4, CLIENT_V6 = "203.0.113.7", "2001:db8:7::7"
ORIGIN_V4, ORIGIN_V6 = "10.0.2.10", "2001:db8:2::10"
MIRROR_SOURCE, MIRROR_TARGET = "10.0.9.1", "10.0.9.2"
OUTPUT_SOURCE, WAF = "10.0.8.1", "10.0.8.2"
VNI = 1377


def unavailable():
    """Why a lab cannot be built here, or None."""
    if os.geteuid() != 0:
        return "not root"
    if missing := [tool for tool in TOOLS if not shutil.which(tool, path=tool_path())]:
        return f"not installed: {', '.join(missing)}"
    # Each thing that a kernel or a container may refuse, tried in a namespace of its own.
    name = f"{NAME}-{os.getpid()}-probe"
    try:
        for command in (["ip", "netns", "add", name],
                        ["ip", "-n", name, "link", "add", "veth0", "type", "veth", "peer", "name", "veth1"],
                        ["ip", "-n", name, "link", "add", "vx0", "type", "vxlan", "id", "1", "dev", "veth0",
                         "remote", "192.0.2.1", "dstport", "4789"],
                        ["ip", "netns", "exec", name, "nft", mirror_rule("veth0", "vx0")]):
            done = subprocess.run(command, capture_output=True, text=True, env=environment())
            if done.returncode:
                return f"{' '.join(command[:4])}...: {done.stderr.strip().splitlines()[0]}"
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, env=environment())
    return None


def tool_path():
    return os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"


def environment():
    """The caller's environment without proxies, which would lead requests out of the lab."""
    kept = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    return kept | {"PATH": tool_path(), "LC_ALL": "C.UTF-8"}


def mirror_rule(interface, target, hooks=("ingress",)):
    chains = "".join(f' chain {hook} {{\n  type filter hook {hook} device "{interface}" priority 0; policy accept;\n'
                     f'  dup to "{target}"\n }}\n' for hook in hooks)
    return f"table netdev mirror {{\n{chains}}}"


def wait_until(condition, seconds, what):
    """Polls `condition` until it gives something true, which is returned."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := condition():
            return answer
        time.sleep(0.02)
    raise TimeoutError(f"{what}: not within {seconds} s")


class Host:
    """One namespace."""

    def __init__(self, lab, name):
        self.lab = lab
        self.name = name
        self.namespace = f"{NAME}-{os.getpid()}-{name}"
        run(["ip", "netns", "add", self.namespace])
        lab.cleanup.callback(subprocess.run, ["ip", "netns", "del", self.namespace], capture_output=True,
                             env=environment())
        self.ip("link", "set", "lo", "up")

    def run(self, *command, **options):
        """Runs a command here to its end."""
        return run(["ip", "netns", "exec", self.namespace, *command], **options)

    def start(self, *command, **options):
        """Starts a process here. It is ended with the lab at the latest."""
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", self.namespace, *map(str, command)],
            stdin=subprocess.DEVNULL, env=environment(), **options)
        self.lab.cleanup.callback(end, process)
        return process

    def ip(self, *arguments):
        run(["ip", "-n", self.namespace, *arguments])

    def address(self, interface, address, peer=None):
        """Gives the interface an address that talks to one peer, or to the address's network."""
        if peer:
            self.ip("address", "add", address, "peer", peer, "dev", interface, *no_dad(address))
        else:
            self.ip("address", "add", address, "dev", interface, *no_dad(address))

    def mirror(self, interface, link, local, remote, vni=VNI, mtu=8900, both=False):
        """Copies what arrives at `interface`, or also what leaves there, to `remote`: VXLAN on UDP/4789."""
        self.ip("link", "add", "vx0", "mtu", mtu, "type", "vxlan", "id", vni, "dev", link, "dstport", 4789,
                "local", local, "remote", remote, "nolearning", "noudpcsum")
        self.offloads_off("vx0")
        self.ip("link", "set", "vx0", "up")
        self.run("nft", mirror_rule(interface, "vx0", ("ingress", "egress") if both else ("ingress",)))

    def offloads_off(self, interface):
        """So that frames look as on a wire: no larger than the MTU, with real checksums."""
        off = [word for feature in ("tso", "gso", "gro", "tx", "rx") for word in (feature, "off")]
        self.run("ethtool", "-K", interface, *off, stdout=subprocess.DEVNULL)

    def drop_input(self, udp_port):
        """Datagrams to the port go no further than to packet sockets: no "port unreachable" is sent back."""
        self.run("nft", "table inet quiet {\n chain input {\n  type filter hook input priority 0; "
                        f"policy accept;\n  udp dport {udp_port} drop\n }}\n}}")


class Here:
    """This machine as a host of the lab, for servers on its loopback. Needs no root."""

    def __init__(self, lab, name):
        self.lab, self.name = lab, name

    def start(self, *command, **options):
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *map(str, command)],
                                   stdin=subprocess.DEVNULL, env=environment(), **options)
        self.lab.cleanup.callback(end, process)
        return process


class Lab:
    """Owns hosts, processes and a folder; see the module's text."""

    def __init__(self, seconds=110):
        self.seconds = seconds
        self.cleanup = contextlib.ExitStack()
        self.cables = 0

    def __enter__(self):
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGALRM, self.stop)
        signal.alarm(self.seconds)
        remove_leftovers()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{NAME}-{os.getpid()}-"))
        self.cleanup.callback(shutil.rmtree, self.folder, ignore_errors=True)
        return self

    def __exit__(self, *_):
        signal.alarm(0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: let the teardown finish
        self.cleanup.close()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def stop(self, number, _frame):
        raise SystemExit(f"lab: ended by {signal.Signals(number).name}")

    def host(self, name):
        return Host(self, name)

    def cable(self, left, left_name, right, right_name, mtu=1500):
        """A veth pair between two hosts, with MAC addresses that do not change from run to run."""
        self.cables += 1
        mac = f"02:00:00:00:{self.cables:02x}"
        left.ip("link", "add", left_name, "mtu", mtu, "address", f"{mac}:01", "type", "veth",
                "peer", "name", right_name, "mtu", mtu, "address", f"{mac}:02", "netns", right.namespace)
        for host, interface in ((left, left_name), (right, right_name)):
            host.offloads_off(interface)
            host.ip("link", "set", interface, "up")


class MirrorLab(Lab):
    """client == origin --mirror--> appliance == waf

    What arrives at the origin's eth0 is copied to the appliance's interface `mirror`: one way, as on AWS; or also what
    leaves there.
    """

    def __init__(self, both=False):
        super().__init__()
        self.both = both

    def __enter__(self):
        super().__enter__()
        try:
            self.client, self.origin = self.host("client"), self.host("origin")
            self.appliance, self.waf = self.host("appliance"), self.host("waf")
            self.cable(self.client, "eth0", self.origin, "eth0")
            self.cable(self.origin, "mirror", self.appliance, "mirror", mtu=9000)
            self.cable(self.appliance, "eth0", self.waf, "eth0")
            self.client.address("eth0", CLIENT_V4, peer=ORIGIN_V4)
            self.origin.address("eth0", ORIGIN_V4, peer=CLIENT_V4)
            self.client.address("eth0", CLIENT_V6, peer=ORIGIN_V6)
            self.origin.address("eth0", ORIGIN_V6, peer=CLIENT_V6)
            self.origin.address("mirror", f"{MIRROR_SOURCE}/30")
            self.appliance.address("mirror", f"{MIRROR_TARGET}/30")
            self.appliance.address("eth0", f"{OUTPUT_SOURCE}/30")
            self.waf.address("eth0", f"{WAF}/30")
            self.appliance.drop_input(4789)
            self.origin.mirror("eth0", "mirror", MIRROR_SOURCE, MIRROR_TARGET, both=self.both)
        except BaseException:
            self.__exit__()
            raise
        return self


# What nginx writes down of each request. Its JSON form leaves bytes from 0x80 as they are, so the log is read
# as Latin-1 and a body comes back byte for byte.
LOGGED = {
    "line": "$request", "method": "$request_method", "target": "$request_uri", "protocol": "$server_protocol",
    "status": "$status", "peer": "$remote_addr:$remote_port", "host": "$http_host",
    "content_type": "$content_type", "user_agent": "$http_user_agent", "accept": "$http_accept",
    "cookie": "$http_cookie",
    "forwarded_for": "$http_x_forwarded_for", "forwarded_proto": "$http_x_forwarded_proto",
    "forwarded_port": "$http_x_forwarded_port", "server_addr": "$http_x_server_addr",
    "server_port": "$http_x_server_port", "body": "$request_body",
}


class Nginx:
    """An nginx on port 80 of a host, or elsewhere, that answers 200 and logs whole requests, bodies included."""

    def __init__(self, host, *listen):
        listens = "".join(f"        listen {where};\n" for where in listen or ("80", "[::]:80"))
        self.folder = host.lab.folder / f"nginx-{host.name}"
        self.folder.mkdir()
        self.log = self.folder / "requests.jsonl"
        log_format = ",".join(f'"{key}":"{variable}"' for key, variable in LOGGED.items())
        # nginx reads a body only for a proxied request: one hop to a second server of its own makes it do so.
        (self.folder / "nginx.conf").write_text(f"""
daemon off; master_process off; pid {self.folder}/pid; error_log {self.folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    log_format whole escape=json '{{{log_format}}}';
    client_body_temp_path {self.folder}/body;
    proxy_temp_path {self.folder}/proxy;
    client_max_body_size 8m;
    client_body_buffer_size 8m;
    client_header_buffer_size 16k;
    large_client_header_buffers 4 128k;
    keepalive_requests 100000;
    server {{
{listens}        access_log {self.log} whole;
        location / {{
            proxy_pass http://unix:{self.folder}/answer.sock;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
        }}
    }}
    server {{
        listen unix:{self.folder}/answer.sock backlog=4096;
        access_log off;
        location / {{ return 200 "ok\\n"; }}
    }}
}}
""")
        self.process = host.start("nginx", "-c", self.folder / "nginx.conf", "-e", self.folder / "error.log")
        wait_until(self.accepts, 10, f"nginx on {host.name}")

    def accepts(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"nginx ended: {(self.folder / 'error.log').read_text()}")
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.folder / "answer.sock")) == 0

    def count(self):
        return self.log.read_bytes().count(b"\n")

    def requests(self):
        """Stops the server, so that nothing is still to be logged, and gives its log."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(10)
        return self.logged()

    def logged(self, since=0):
        """What is in the log by now, but for its first lines."""
        # Only "\n" ends a record: str.splitlines() would break at bytes such as 0x85 in a body.
        lines = self.log.read_bytes().decode("latin-1").split("\n")[since:]
        entries = [json.loads(line) for line in lines if line]
        for entry in entries:
            entry["body"] = entry["body"].encode("latin-1")
        return entries


class Recording:
    """The mirrored frames that reach an interface, in a capture."""

    def __init__(self, host, interface):
        self.path, self.said = host.lab.folder / "capture.pcap", host.lab.folder / "tcpdump.err"
        with self.said.open("wb") as err:
            self.process = host.start("tcpdump", "-Z", "root", "--immediate-mode", "-U", "-B", 65536, "-i", interface,
                                      "-w", self.path, "udp port 4789", stderr=err)
        wait_until(lambda: "listening on" in self.said.read_text(), 10, "tcpdump")

    def stop(self):
        """Behind the last FINs."""
        time.sleep(0.5)
        self.process.terminate()
        self.process.wait(10)
        if "\n0 packets dropped by kernel" not in self.said.read_text():
            raise RuntimeError(f"tcpdump: {self.said.read_text()}")
        return self.path


class Rebuilder:
    """A running `rebuilder`; returns when it says that it is ready."""

    def __init__(self, host, binary, *arguments):
        self.stdout = host.lab.folder / "rebuilder.out"
        self.stderr = host.lab.folder / "rebuilder.err"
        with self.stdout.open("wb") as out, self.stderr.open("wb") as err:
            self.process = host.start(Path(binary).resolve(), *arguments, stdout=out, stderr=err)
        wait_until(self.ready, 30, "rebuilder: ready")

    def said(self):
        return self.stderr.read_text(errors="replace")

    def ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"rebuilder ended with status {self.process.returncode}: {self.said()}")
        return any(line.startswith("rebuilder: ready") for line in self.said().splitlines())

    def stop(self, seconds=20):
        """SIGTERM; gives the exit status."""
        self.process.terminate()
        return self.process.wait(seconds)


def run(command, check=True, timeout=60, **options):
    command = list(map(str, command))
    done = subprocess.run(command, env=environment(), timeout=timeout, stderr=subprocess.PIPE, **options)
    if check and done.returncode:
        said = done.stderr.decode()[-2000:]
        raise RuntimeError(f"{' '.join(command)[:200]}: status {done.returncode}: {said}")
    return done


def end(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def no_dad(address):
    return ["nodad"] if ":" in address else []


def is_alive(pid):
    """Whether a process runs; one that has ended and waits for its parent doesn't."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def remove_leftovers():
    """Namespaces of labs whose process is gone, with what still runs in them, and their folders."""
    def left_over(name):
        return name.startswith(f"{NAME}-") and not is_alive(name.split("-")[2])

    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, env=environment()).stdout
    for name in filter(left_over, (line.split()[0] for line in listed.splitlines())):
        inside = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, env=environment()).stdout
        for pid in map(int, inside.split()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        subprocess.run(["ip", "netns", "del", name], capture_output=True, env=environment())
    for path in Path(tempfile.gettempdir()).iterdir():
        if left_over(path.name):
            shutil.rmtree(path, ignore_errors=True)
