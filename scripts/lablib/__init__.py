# SPDX-License-Identifier: Apache-2.0
"""What scripts/lab is made of: the whole solution on one machine, in network namespaces."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# The primitives (namespaces, cables, mirrors) are those of the system tests.
sys.path.insert(0, str(ROOT / "tests" / "system"))
# Debian's own, whatever runs this: it has the packages that clients need.
PYTHON = "/usr/bin/python3"
