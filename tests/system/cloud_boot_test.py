#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The first boot of an instance that Terraform would start: the image is provisioned in a chroot, the user data is what
the module renders, IMDS hands it out, the first boot takes it, the service starts by its unit's command line; its health
check answers 200, and a request that comes as mirrored traffic to the primary interface leaves by the second.

    cloud_boot_test.py REBUILDER SOURCE_ROOT BUILD_ROOT

The chroot is this machine's own file system below an overlay in memory, so nothing is installed and nothing stays.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/support"))

from imds_server import meta_of_interfaces  # noqa: E402
from lab import Lab, Nginx, unavailable, wait_until  # noqa: E402
from program import SKIP  # noqa: E402
from report import Report  # noqa: E402
from unit_file import UnitFile  # noqa: E402

NLB, MIRROR, OUTPUT, ALB, VNI = "10.0.9.1", "10.0.9.2", "10.0.8.1", "10.0.8.2", 1377
MEMORY = {"buffers": "8M", "held": "2M", "max-flows": 4096}  # for a machine that others use, too
ENTER = """
d=$1; shift
mkdir -p "$d/upper" "$d/work" "$d/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$d/upper,workdir=$d/work" "$d/root"; d=$d/root
mount -t proc proc "$d/proc"; mount -t sysfs -o ro sysfs "$d/sys"; mount --rbind /dev "$d/dev"; mount -t tmpfs run "$d/run"
if [ -d "$d/sys-net" ]; then mount --bind "$d/sys-net" "$d/sys/class/net"; fi
exec chroot "$d" env -i PATH=/stubs:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"
"""


class Instance:
    """The chroot, and the namespace that has its network interfaces."""

    def __init__(self, host, folder):
        self.host, self.folder = host, folder
        self.upper = folder / "upper"
        self.upper.mkdir(parents=True)

    def command(self, *words):
        return ["unshare", "-m", "--propagation", "private", "sh", "-eu", "-c", ENTER, "sh", self.folder, *map(str, words)]

    def run(self, *words):
        return self.host.run(*self.command(*words), check=False, stdout=subprocess.PIPE, text=True)

    def __truediv__(self, name):
        """A file that the overlay has above this machine's."""
        return self.upper / name.lstrip("/")

    def install(self, build):
        """What the package would have installed, and stand-ins for what may not change or can't be reached here."""
        subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--destdir", self.upper], check=True,
                       stdout=subprocess.DEVNULL)
        local = self / "/usr/local"  # the prefix of a build folder
        (local / "etc").rename(self / "/etc")
        shutil.copytree(local, self / "/usr", dirs_exist_ok=True)
        shutil.rmtree(local)
        stubs = self / "/stubs"
        stubs.mkdir()
        for name in ("apt-get", "update-grub", "networkctl", "sysctl"):
            (stubs / name).write_text(f'#!/bin/sh\necho "{name} $*" >>/asked\n')
            (stubs / name).chmod(0o755)

    def has_interfaces(self, *devices):
        """What /sys says of them: cables have no PCI address, which the first boot wants to see."""
        for name, mac, pci in devices:
            net, device = self / "/sys-net" / name, self / "/sys-pci" / pci
            net.mkdir(parents=True)
            device.mkdir(parents=True)
            (net / "address").write_text(f"{mac}\n")
            (net / "device").symlink_to(f"/sys-pci/{pci}")


def user_data(root):
    """The module's, with values as a deployment would give."""
    values = {"mirror_endpoint": f"http://{ALB}:8445", "mirror_endpoint_cidrs": ["10.0.8.0/24"], "vxlan_id": VNI,
              "deny": ['path=^/health$,header=User-Agent:^"probe" <1>&'], "debug": True, "settings": MEMORY}
    done = subprocess.run(["node", root / "tests/terraform/render.mjs", root / "scripts/terraform/modules/vpc-mirror-rebuild",
                           "user_data"], input=json.dumps(values), capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def provisions(report, instance, root, build):
    instance.install(build)
    image = instance / "/tmp/rebuilder"
    image.mkdir(parents=True)
    for file in (root / "scripts/ami").iterdir():
        shutil.copy(file, image)
    (image / "rebuilder_0_all.deb").touch()
    instance.run("systemd-sysusers", "/usr/lib/sysusers.d/rebuilder.conf")
    instance.run("sh", root / "packaging/debian/rebuilder.postinst", "configure")
    done = instance.run("sh", "/tmp/rebuilder/provision.sh", "/tmp/rebuilder", "ec2-large", "af_packet")
    report.check("the image is provisioned", done.returncode == 0 and "provision: done" in done.stdout, done.stdout + done.stderr)


def boots(report, instance, lab, root):
    """IMDS is where EC2 has it, at a link-local address and port 80."""
    host = instance.host
    macs = {name: json.loads(host.run("ip", "-j", "link", "show", name, stdout=subprocess.PIPE).stdout)[0]["address"]
            for name in ("eth1", "eth2")}
    instance.has_interfaces(("eth1", macs["eth1"], "0000:00:05.0"), ("eth2", macs["eth2"], "0000:00:06.0"))
    host.ip("address", "add", "169.254.169.254/32", "dev", "lo")
    answers = lab.folder / "imds.json"
    answers.write_text(json.dumps({"data": user_data(root), "meta": meta_of_interfaces(
        (macs["eth2"], 1, OUTPUT), (macs["eth1"], 0, MIRROR))}))
    host.start("/usr/bin/python3", root / "tests/system/imds_server.py", "169.254.169.254", 80, answers)
    unit = UnitFile(instance / "/etc/systemd/system/rebuilder-first-boot.service")
    done = instance.run(unit.last("ExecStart"))
    said = done.stdout + done.stderr
    report.check("the first boot takes the user data", done.returncode == 0 and "is that of the user data" in said, said)
    report.check("and sets up the network", "eth1 is the mirror's" in said or "have no addresses" in said, said)
    config = (instance / "/etc/rebuilder/rebuilder.toml").read_text()
    report.check("device-0 has its name, and the profile fills in the rest",
                 'input = ["af_packet:eth1"]\n' in config and "\nworkers = 1\n" in config, config)
    files = sorted(file.name for file in (instance / "/etc/systemd/network").iterdir())
    report.equal("files for networkd", ["05-rebuilder-mirror.network", "05-rebuilder-output.network"], files)
    asked = (instance / "/asked").read_text()
    report.check("networkd is told", "networkctl reload" in asked and "networkctl reconfigure eth1 eth2" in asked, asked)


def serves(report, instance, lab, nginx, client):
    """Health on the primary interface; requests come there, and go out by the second one."""
    out, err = lab.folder / "journal.out", lab.folder / "journal.err"
    unit = UnitFile(instance / "/usr/lib/systemd/system/rebuilder.service")
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = instance.host.start(*instance.command("sh", "-euc", unit.script()), stdout=stdout, stderr=stderr)

    def ready():
        if process.poll() is not None:
            raise RuntimeError(f"rebuilder ended with status {process.returncode}: {err.read_text()}")
        return "rebuilder: ready" in err.read_text()

    wait_until(ready, 30, "rebuilder: ready")
    answer = client.run("curl", "-sS", "-m", "5", "-w", " %{http_code}", f"http://{MIRROR}:9445/-/healthcheck",
                        stdout=subprocess.PIPE).stdout.decode()
    report.equal("the load balancer's health check", "OK 200", answer)
    frames = ROOT / "pcap-fixtures/h1-get.pcap"
    client.run("/usr/bin/python3", "-c", SEND, frames, MIRROR, str(VNI))
    wait_until(lambda: nginx.count() >= 1, 10, "the request at the analysers")
    entry = nginx.logged()[0]
    report.check("the mirrored request is there, sent by the second interface",
                 entry["method"] == "GET" and entry["peer"].startswith(f"{OUTPUT}:"), entry)
    record = json.loads(out.read_text().splitlines()[0])
    report.equal("debug: it is in the journal, too", "GET", record["method"])
    process.terminate()
    time.sleep(0.5)
    process.terminate()  # it need not wait for the load balancer
    report.equal("it ends with status 0", 0, process.wait(20))


# The frames inside of a capture's tunnels, sent anew to an address with another VNI.
SEND = """
import pathlib, socket, sys
sys.path.insert(0, %r)
from capture import read_pcap
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    for _, frame in read_pcap(pathlib.Path(sys.argv[1]))[0]:
        inner = frame[14 + 20 + 8 + 8:]
        sender.sendto(b"\\x08\\0\\0\\0" + int(sys.argv[3]).to_bytes(3, "big") + b"\\0" + inner, (sys.argv[2], 4789))
""" % str(ROOT / "tests/support")


def main(_, root, build):
    if why := unavailable() or (None if (ROOT / "tests/terraform/node_modules").is_dir() else "not installed: hcl2json"):
        print(f"skipped: {why}")
        return SKIP
    report, root = Report(), Path(root)
    with Lab() as lab:
        subnet, host, alb = lab.host("subnet"), lab.host("instance"), lab.host("alb")
        lab.cable(subnet, "eth0", host, "eth1", mtu=9000)
        lab.cable(host, "eth2", alb, "eth0", mtu=9000)
        subnet.address("eth0", f"{NLB}/24")
        host.address("eth1", f"{MIRROR}/24")
        host.address("eth2", f"{OUTPUT}/24")
        alb.address("eth0", f"{ALB}/24")
        nginx = Nginx(alb, f"{ALB}:8445")
        memory = lab.folder / "instance"
        memory.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", memory], check=True)
        lab.cleanup.callback(subprocess.run, ["umount", "-l", memory])
        instance = Instance(host, memory / "chroot")
        provisions(report, instance, root, build)
        boots(report, instance, lab, root)
        serves(report, instance, lab, nginx, subnet)
    return report.close()


if __name__ == "__main__":
    sys.exit(main(*map(os.path.abspath, sys.argv[1:4])))
