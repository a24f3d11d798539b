#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The dashboard and the alert rules name only metrics that there are; the dashboard is the one that the counters make; where promtool
is installed, it takes the rules, and they fire when they should (alerts_test.yml). Nobody is asked for a core dump that the service's
unit doesn't allow.

    monitoring_test.py ROOT_OF_THE_REPOSITORY
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from unit_file import UnitFile  # noqa: E402

COUNTER = re.compile(r"^COUNTER\(\w+, (\w+), ", re.MULTILINE)
# In metrics.cpp a family's name stands in front of its type, or of its help where all are gauges.
FAMILY = re.compile(r'(?:family\(|snapshot,\s)\s*"([a-z0-9_]+)"')


def known(root):
    counters = COUNTER.findall((root / "lib/base/counters.def").read_text(encoding="utf-8"))
    families = FAMILY.findall((root / "app/rebuilder/metrics.cpp").read_text(encoding="utf-8"))
    if len(counters) < 100 or len(families) < 20:
        sys.exit("monitoring_test: counters.def or metrics.cpp are not written as this test expects")
    names = {f"{name}_total" for name in counters} | set(families)
    return names | {f"answer_seconds_{part}" for part in ("bucket", "sum", "count")}


def faults(root):
    monitoring = root / "app/rebuilder/monitoring"
    names = known(root)
    for file in (monitoring / "alerts.yml", monitoring / "dashboard.json"):
        used = set(re.findall(r"\brebuilder_(\w+)", file.read_text(encoding="utf-8")))
        if len(used) < 10:
            yield f"{file.name} names only {len(used)} metrics"
        yield from (f"{file.name}: there is no metric rebuilder_{name}" for name in sorted(used - names))
    done = subprocess.run([sys.executable, monitoring / "make_dashboard.py", "--check"], capture_output=True, text=True)
    if done.returncode != 0:
        yield done.stderr.strip()
    if UnitFile(root / "app/rebuilder/rebuilder.service").last("LimitCORE") == "0":
        for file in (monitoring / "alerts.yml", root / "app/rebuilder/diagnosis.cpp"):
            if "core dump" in file.read_text(encoding="utf-8"):
                yield f"{file.name} asks for a core dump, and there is none: rebuilder.service has LimitCORE=0"
    promtool = shutil.which("promtool")
    if promtool is None:
        print("no promtool here: the rules' form and what sets them off was not checked")
        return
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(monitoring / "alerts.yml", folder)
        shutil.copy(root / "tests/style/alerts_test.yml", folder)
        for command in (("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")):
            done = subprocess.run([promtool, *command], cwd=folder, capture_output=True, text=True)
            if done.returncode != 0:
                yield f"promtool {' '.join(command)}: {done.stdout}{done.stderr}"


def main(root):
    found = list(faults(Path(root)))
    print(*found, f"{len(found)} faults", sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__.strip())
