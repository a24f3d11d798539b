#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Replays the captures of other projects, as they are and wrapped as a mirror wraps them, and compares the requests
with what programs that are not ours found in them. Each difference is explained in corpus_explained.py, one by one;
one that is not, and an explanation of what no longer differs, are failures.

    corpus_test.py REBUILDER CORPUS_DIRECTORY [--list]

--list prints that table as it would have to be: stale rows left out, new ones with an empty reason. The corpus is
optional: without it the test is skipped. TEST_CORPUS in the environment names another place for it.
"""

import argparse
import collections
import concurrent.futures
import importlib
import json
import os
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
import corpus_explained as known  # noqa: E402
from replay import SKIP, replay  # noqa: E402

FORMS = ("as is", "wrapped")
LEAST_MATCHED = 0.99  # of the requests that the references agree on, but for those where they are wrong
RULES = argparse.Namespace(ignore_body_len=False, headers=True, version=True, verbose=True)


def short(row):
    """A request in one line, enough to know it by."""
    text = " ".join(row.get(name) or "-" for name in ("method", "host", "target"))
    return (text if len(text) <= 60 else text[:57] + "...").encode("unicode_escape", "replace").decode()


def wrapped(tools, capture, scratch):
    """The corpus's own tool is a program; it is run here, which spares hundreds of interpreters."""
    target = scratch / (capture.stem + ".vxlan.pcap")
    sys.argv = ["vxlan_wrap.py", "-q", str(capture), str(target)]
    tools["vxlan_wrap"].main()
    return target


def regular(row):
    """The row as a record has it: pseudo-header fields are its method, target and host."""
    headers = row.get("headers")
    return {**row, "headers": [field for field in headers if not field[0].startswith(":")]} if headers else row


def differences(tools, reference, found):
    """The figures of the comparison, and each difference in words."""
    figures, missing, extra, differing = tools["compare_requests"].compare(reference, found, RULES)
    words = [f"missing {short(row)}" for row in missing if not row.get("optional")]
    words += [f"extra {short(row)}" for row in extra]
    for row in differing:
        if "header_difference" in row:
            words.append("headers " + short(dict(zip(("method", "host", "target"), row["row"]))))
        else:
            words.append(f"body {short(row)}")
    if figures["version_bad"]:
        words.append(f"version of {figures['version_bad']}")
    return figures, words


def check(rebuilder, corpus, name):
    """Replays one capture in both forms: (form, exit status, figures, differences, problems) of each."""
    sys.path.insert(0, str(corpus / "tools"))
    tools = {tool: importlib.import_module(tool) for tool in ("compare_requests", "vxlan_wrap")}
    capture = next(path for end in ("pcap", "pcapng") if (path := corpus / f"{name}.{end}").exists())
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        for form in FORMS:
            file = capture if form == "as is" else wrapped(tools, capture, Path(scratch))
            run = replay(rebuilder, [file], Path(scratch) / "ledger.json")
            reference = [regular(row) for row in tools["compare_requests"].load(str(corpus / f"{name}.requests.jsonl"))]
            # Of equal requests on several hops the tool pairs the first with the first: as they were sent.
            found = sorted(run.records, key=lambda record: record["ts"])
            figures, words = differences(tools, reference, found)
            figures["firm"] = sum(not row.get("optional") for row in reference)
            results.append((form, run.status, figures, words, run.problems))
    return results


class Verdict:
    """What was found, against what is explained."""

    def __init__(self):
        self.found, self.failures = collections.Counter(), []
        self.totals = {kind: collections.Counter() for kind in ("HTTP/1", "HTTP/2")}
        self.explained = collections.Counter()
        for capture, rows in known.EXPLAINED.items():
            for form, what, reason in rows:
                forms = FORMS if form == "both" else [form]
                self.explained.update((capture, each, what) for each in forms)
                if what.startswith("missing ") and reason.startswith("reference:"):
                    self.totals["HTTP/1"]["wrong"] += len(forms)
                if not reason:
                    self.failures.append(f"{capture}: no reason for {what}")
        self.statuses = {(capture, form): status for capture, form, status, _ in known.STATUSES}

    def add(self, name, kind, form, status, figures, words, problems):
        self.failures += [f"{name}, {form}: {problem}" for problem in problems]
        wanted = self.statuses.pop((name, form), 0)
        if status != wanted:
            self.failures.append(f"{name}, {form}: exit status {status}, expected {wanted}")
        total = self.totals[kind]
        total.update(firm=figures["firm"], matched=figures["firm"] - figures["missing"], replays=1)
        self.found.update((name, form, what) for what in words)
        total.update(what.partition(" ")[0] for what in words)

    def close(self):
        self.failures += [f"{name}, {form}: not explained: {what}"
                          for name, form, what in (self.found - self.explained).elements()]
        self.failures += [f"{name}, {form}: stale explanation of {what}"
                          for name, form, what in (self.explained - self.found).elements()]
        self.failures += [f"{name}, {form}: stale exit status" for name, form in self.statuses]
        for kind, total in self.totals.items():
            if total["matched"] < LEAST_MATCHED * (total["firm"] - total["wrong"]):
                self.failures.append(f"less than {LEAST_MATCHED:.0%} of the {kind} requests are rebuilt")


def print_table(found):
    """The table of what was found; what differs alike in both forms is one row."""
    constants = {text: name for name, text in vars(known).items() if isinstance(text, str)}
    reasons = {(capture, what): constants.get(reason) or json.dumps(reason)
               for capture, rows in known.EXPLAINED.items() for _, what, reason in rows}
    print("EXPLAINED = {")
    for capture in sorted({name for name, _, _ in found}):
        print(f"    {json.dumps(capture)}: [")
        for what in sorted({what for name, _, what in found if name == capture}):
            plain, wrapped_too = (found[capture, form, what] for form in FORMS)
            for form, times in (("both", min(plain, wrapped_too)), (FORMS[0], plain - wrapped_too),
                                (FORMS[1], wrapped_too - plain)):
                for _ in range(times):
                    reason = reasons.get((capture, what), '""')
                    print(f"        ({json.dumps(form)}, {json.dumps(what)}, {reason}),")
        print("    ],")
    print("}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rebuilder")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    corpus = Path(os.environ.get("TEST_CORPUS", options.corpus)).resolve()
    if not (corpus / "MANIFEST.jsonl").exists():
        print(f"skipped: there is no corpus at {corpus}")
        return SKIP

    manifest = [json.loads(line) for line in (corpus / "MANIFEST.jsonl").read_text().splitlines()]
    kinds = {row["name"]: "HTTP/2" if row["kind"] == "http2" else "HTTP/1" for row in manifest}
    verdict = Verdict()
    with concurrent.futures.ProcessPoolExecutor() as pool:
        for name, results in zip(kinds, pool.map(check, *zip(*((options.rebuilder, corpus, name) for name in kinds)))):
            for result in results:
                verdict.add(name, kinds[name], *result)
    verdict.close()
    if options.list:
        print_table(verdict.found)
        return 0
    for failure in verdict.failures:
        print(failure)
    both = sum(verdict.totals.values(), collections.Counter())
    for kind, total in [*verdict.totals.items(), ("all", both)]:
        share, rightly = (total["matched"] / (total["firm"] - wrong) for wrong in (0, total["wrong"]))
        print(f"{kind}: {total['replays']} replays, {total['matched']} of {total['firm']} requests matched ({share:.2%}, "
              f"and {rightly:.2%} of those rightly listed), {total['extra']} extra, "
              f"{total['headers'] + total['body'] + total['version']} with other headers or body")
    print(f"{len(verdict.failures)} failures")
    return 1 if verdict.failures or not kinds else 0


if __name__ == "__main__":
    sys.exit(main())
