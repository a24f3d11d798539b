# SPDX-License-Identifier: Apache-2.0
"""One line for each check, and the closing count."""

import collections


def difference(expected, found):
    """What is missing and what is extra, a few of each; nothing if the multisets are equal."""
    expected, found = collections.Counter(expected), collections.Counter(found)
    return [f"{what} {rest.total()}: {str(list(rest)[:2])[:400]}"
            for what, rest in (("missing", expected - found), ("extra", found - expected)) if rest]


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, what, holds, found=None):
        if holds:
            self.passed += 1
            print(f"ok      {what}", flush=True)
        else:
            self.failed += 1
            print(f"FAILED  {what}\n        found: {found}", flush=True)

    def equal(self, what, expected, found):
        self.check(what, expected == found, f"{found!r}, expected {expected!r}")

    def close(self):
        """Prints the count; gives the exit status."""
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0
