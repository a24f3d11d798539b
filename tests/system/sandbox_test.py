#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The service's sandbox: `run` does its work inside it, with an af_packet and an af_xdp input, and nothing else can be
done there.

    sandbox_test.py REBUILDER FOLDER_OF_PCAP_FIXTURES UNIT
"""

import json
import os
import re
import shutil
import sys
from pathlib import Path

SUPPORT = Path(__file__).resolve().parent.parent / "support"
sys.path.insert(0, str(SUPPORT))
from capture import read_pcap  # noqa: E402
from lab import Lab, unavailable, wait_until  # noqa: E402
from report import Report  # noqa: E402

# What an intruder would try: each has to fail.
PROBE = """
import ctypes, mmap, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def tries():
    yield "read /etc/shadow", lambda: open("/etc/shadow")
    yield "write a file of the system", lambda: open("/etc/rebuilder-probe", "w")
    yield "write a kernel setting", lambda: open("/proc/sys/kernel/hostname", "w")
    yield "become root", lambda: os.setuid(0)
    yield "mount", lambda: call(libc.mount(b"none", b"/mnt", b"tmpfs", 0, None))
    yield "make a user namespace", lambda: call(libc.unshare(0x10000000))
    yield "look into another process", lambda: call(libc.ptrace(16, os.getppid(), 0, 0))
    yield "load a BPF program", lambda: call(libc.syscall(BPF, 0, 0, 0))
    yield "load a kernel module", lambda: call(libc.syscall(INIT_MODULE, 0, 0, b""))
    yield "open a Bluetooth socket", lambda: socket.socket(31, socket.SOCK_RAW, 1)
    yield "make memory that can be written and run", lambda: mmap.mmap(-1, 4096, prot=7)
    yield "run in real time", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
def call(status):
    if status == -1: raise OSError(ctypes.get_errno(), "")
for what, attempt in tries():
    try:
        attempt()
        print("DONE", what)
    except (OSError, ValueError) as error:
        print("refused", what, error)
"""
CALLS = {"x86_64": (321, 175), "aarch64": (280, 105)}


def status_of(pid):
    return dict(re.findall(r"^(\w+):\s+(.*)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE))


def mask(names):
    bits = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_IPC_LOCK": 14, "CAP_SYS_ADMIN": 21, "CAP_BPF": 39}
    return sum(1 << bits[name] for name in names)


def the_rebuilder(pid):
    """The process itself, behind `setpriv` and what else exec has replaced."""
    return Path(f"/proc/{pid}/comm").read_text().strip() == "rebuilder"


def works(report, lab, kind, mtu, sandbox, rebuilder, frames, capabilities):
    host = lab.host(kind.replace("_", ""))
    host.ip("link", "add", "eth1", "mtu", mtu, "type", "veth", "peer", "name", "peer1", "mtu", mtu)
    for name in ("eth1", "peer1"):
        host.ip("link", "set", name, "up")
    state = lab.folder / kind
    state.mkdir()
    said = lab.folder / f"{kind}.err"
    with said.open("wb") as stderr:
        process = host.start(*sandbox, state, rebuilder, "run", "--input", f"{kind}:eth1", "--output", "jsonl:out.jsonl",
                             "--ledger", "ledger.json", "--max-flows", "1024", "--held", "1M", "--buffers", "4M",
                             stderr=stderr)

    def ready():
        if process.poll() is not None:
            raise RuntimeError(f"rebuilder ended with status {process.returncode}: {said.read_text()}")
        return "rebuilder: ready" in said.read_text()

    wait_until(ready, 30, f"{kind}: ready")
    report.check(f"{kind}: it is the program that runs", the_rebuilder(process.pid))
    status = status_of(process.pid)
    report.equal(f"{kind}: as the unprivileged user", ["65534"] * 4, status["Uid"].split())
    for which in ("CapPrm", "CapEff", "CapInh", "CapAmb", "CapBnd"):
        report.equal(f"{kind}: {which} has what the unit grants", mask(capabilities), int(status[which], 16))
    report.equal(f"{kind}: no new privileges", "1", status["NoNewPrivs"])
    report.equal(f"{kind}: its system calls are filtered", "2", status["Seccomp"])
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    report.check(f"{kind}: it dumps no core", re.search(r"Max core file size\s+0\s+0", limits), limits)
    report.equal(f"{kind}: and no memory into one", "00000010",
                 Path(f"/proc/{process.pid}/coredump_filter").read_text().strip())

    answer = host.run("curl", "-sS", "-m", "5", "http://127.0.0.1:9445/-/healthcheck", stdout=-1).stdout
    report.equal(f"{kind}: it is well", b"OK", answer)
    sender = "import socket,sys;s=socket.socket(17,3);s.bind(('peer1',0));" \
             "[s.send(bytes.fromhex(line)) for line in sys.stdin.read().split()]"
    host.run("/usr/bin/python3", "-c", sender, input="\n".join(frame.hex() for frame in frames).encode())
    out = state / "out.jsonl"
    wait_until(lambda: out.exists() and out.stat().st_size, 10, f"{kind}: a record")
    process.terminate()
    report.equal(f"{kind}: it stops as it should", 0, process.wait(20))
    records = [json.loads(line) for line in out.read_text().splitlines()]
    report.equal(f"{kind}: the request is rebuilt", [("GET", "/catalogue/shoes?size=42&colour=dark%20red")],
                 [(record["method"], record["target"]) for record in records])
    report.check(f"{kind}: the ledger is written and its laws hold",
                 all(law["holds"] for law in json.loads((state / "ledger.json").read_text())["laws"]))


def nothing_else(report, lab, sandbox):
    host = lab.host("probe")
    state = lab.folder / "probe"
    state.mkdir()
    bpf, init_module = CALLS[os.uname().machine]
    probe = f"BPF, INIT_MODULE = {bpf}, {init_module}\n{PROBE}"
    out = host.run(*sandbox, state, "/usr/bin/python3", "-c", probe, stdout=-1).stdout.decode()
    for line in out.splitlines():
        report.check(line.removeprefix("DONE ").removeprefix("refused "), line.startswith("refused"), line)
    report.equal("every attempt was made", PROBE.count("    yield "), len(out.splitlines()))


def main(rebuilder, fixtures, unit):
    why = unavailable()
    try:
        import seccomp  # noqa: F401
    except ImportError:
        why = "python3-seccomp is not installed"
    if not shutil.which("systemd-analyze"):
        why = "systemd-analyze is not installed"
    if why:
        print(f"skipped: {why}")
        return 77
    report = Report()
    drop_in = Path(unit).parent / "systemd/af-xdp.conf"
    sandbox = ["unshare", "-m", "/usr/bin/python3", SUPPORT / "sandbox.py"]
    frames = [frame for _, frame in read_pcap(Path(fixtures) / "h1-get.pcap")[0]]
    base = ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK"]
    with Lab() as lab:
        lab.folder.chmod(0o755)
        works(report, lab, "af_packet", 9000, [*sandbox, unit], rebuilder, frames, base)
        works(report, lab, "af_xdp", 3000, [*sandbox, f"{unit},{drop_in}"], rebuilder, frames,
              [*base, "CAP_BPF", "CAP_SYS_ADMIN"])
        nothing_else(report, lab, [*sandbox, unit])
    return report.close()


if __name__ == "__main__":
    sys.exit(main(*map(os.path.abspath, sys.argv[1:4])))
