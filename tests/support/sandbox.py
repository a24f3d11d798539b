#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command as rebuilder.service would be run, on a machine without systemd: user, capabilities, no new
privileges, read-only file systems, limits, and a system call filter made from the same lines. Needs root.

    unshare -m sandbox.py UNIT[,DROP-IN...] WRITABLE_FOLDER COMMAND...

Not covered, since only systemd does it: PrivateTmp, ProtectProc and the other Protect* that are mounts, DeviceAllow.
"""

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import seccomp

from unit_file import UnitFile

USER = 65534  # nobody; the service's own user exists only where the package is installed
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16, "AF_PACKET": 17, "AF_XDP": 44}
NEW_NAMESPACES = 0x7E020080  # CLONE_NEW*
WRITE_EXEC, EXEC = 6, 4      # PROT_*


def read_only_but(writable):
    """ProtectSystem=strict and ReadWritePaths= of one folder, in a mount namespace that is ours already."""
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "--bind", writable, writable], check=True)
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for folder in mounted:
        if folder != writable and not folder.startswith(("/proc", "/sys", "/dev")):
            subprocess.run(["mount", "-o", "remount,bind,ro", folder], stderr=subprocess.DEVNULL, check=False)


def limit(unit):
    for key, what in (("LimitCORE", resource.RLIMIT_CORE), ("LimitNOFILE", resource.RLIMIT_NOFILE),
                      ("LimitMEMLOCK", resource.RLIMIT_MEMLOCK)):
        wanted = unit.last(key)
        number = resource.RLIM_INFINITY if wanted == "infinity" else int(wanted)
        try:
            resource.setrlimit(what, (number, number))
        except (ValueError, PermissionError):
            print(f"sandbox: {key}={wanted} is more than this machine lets us set", file=sys.stderr)
    if unit.last("CoredumpFilter") == "elf-headers":
        Path("/proc/self/coredump_filter").write_text("0x10")


def filter_calls(unit):
    number = getattr(errno, unit.last("SystemCallErrorNumber"))
    calls = seccomp.SyscallFilter(seccomp.ERRNO(number))

    def allow(name, *arguments):
        try:
            calls.add_rule(seccomp.ALLOW, name, *arguments)
        except (RuntimeError, ValueError, TypeError):
            pass  # no call of this architecture, or of this libseccomp

    # Calls of which only some uses are allowed, as the Restrict* directives say.
    partly = {
        "socket": [[seccomp.Arg(0, seccomp.EQ, FAMILIES[name])] for name in unit.words("RestrictAddressFamilies")],
        "unshare": [], "setns": [],
        "clone": [[seccomp.Arg(0, seccomp.MASKED_EQ, NEW_NAMESPACES, 0)]],
        "mmap": [[seccomp.Arg(2, seccomp.MASKED_EQ, WRITE_EXEC, some)] for some in (0, 2, 4)],
        "mprotect": [[seccomp.Arg(2, seccomp.MASKED_EQ, EXEC, 0)]],
        "pkey_mprotect": [[seccomp.Arg(2, seccomp.MASKED_EQ, EXEC, 0)]],
        "personality": [[seccomp.Arg(0, seccomp.EQ, 0)]],
        "sched_setscheduler": [[seccomp.Arg(1, seccomp.EQ, policy)] for policy in (0, 3, 5)],
    }
    for name in unit.system_calls():
        if name == "clone3":
            calls.add_rule(seccomp.ERRNO(errno.ENOSYS), name)  # its flags can't be looked at
        else:
            for arguments in partly.get(name, [[]]):
                allow(name, *arguments)
    calls.load()


def main(files, writable, *command):
    files = ",".join(map(os.path.abspath, files.split(",")))  # we change our folder
    unit = UnitFile(*files.split(","))
    if os.geteuid() == 0:
        writable = os.path.realpath(writable)
        os.chown(writable, USER, USER)
        read_only_but(writable)
        limit(unit)
        ambient, bounding = (
            ",".join(["-all", *(f"+{name.lower().removeprefix('cap_')}" for name in unit.words(key))])
            for key in ("AmbientCapabilities", "CapabilityBoundingSet"))
        os.umask(int(unit.last("UMask"), 8))
        os.environ["RUNTIME_DIRECTORY"] = writable
        os.chdir(writable)
        os.execvp("setpriv", [
            "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs",
            f"--inh-caps={ambient}", f"--ambient-caps={ambient}", f"--bounding-set={bounding}",
            sys.executable, os.path.abspath(__file__), files, writable, *command])
    filter_calls(unit)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
