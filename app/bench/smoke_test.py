#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rebuilder-bench runs, verifies what was done, and writes JSON that says so. No time is judged.

    smoke_test.py REBUILDER_BENCH REBUILDER
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time


def run(bench, *arguments):
    return subprocess.run([bench, *arguments], capture_output=True, text=True, timeout=50)


def measured(bench, *arguments):
    done = run(bench, *arguments, "--json", "-")
    if done.returncode != 0:
        sys.exit(f"{arguments}: exit status {done.returncode}: {done.stderr}")
    (scenario, report), = json.loads(done.stdout).items()
    assert scenario == arguments[0].replace("-", "_"), scenario
    return report


def rounds(report):
    return {each["program"]: each["rounds"] for each in report["programs"]}


def check_comparison(bench):
    report = measured(bench, "forward", "--rounds", "1", "--requests", "2000")
    found = rounds(report)
    for program in ("rebuilder", "rebuilder --pipeline 16", "rebuilder, HTTP/2, 16 streams"):
        assert [each["requests"] for each in found[program]] == [2000], found
        assert all(each["cpu_ns"] > 0 for each in found[program]), found
    # A rival that isn't installed is said to be missing, and has no ratio.
    if "wrk" in found:
        assert {"figure": "wrk_ratio", "program": "wrk", "with": "rebuilder"}.items() <= report["ratios"][0].items(), report
        assert report["wrk_ratio"] == report["ratios"][0]["cpu"]["median"], report
        assert report["targets"]["wrk_ratio"] == {"at_least": 1, "met": report["wrk_ratio"] >= 1}, report
    else:
        assert any(note.startswith("wrk:") for note in report["notes"]), report


def check_sweep(bench):
    report = measured(bench, "forward", "--mix", "post", "--rounds", "2", "--requests", "500", "--pipeline-sweep", "1,4")
    found = rounds(report)
    assert list(found) == ["rebuilder --pipeline 1", "rebuilder --pipeline 4"], found
    assert all(0 < each["p50_ns"] <= each["p99_ns"] for runs in found.values() for each in runs), found
    report = measured(bench, "forward", "--rounds", "1", "--requests", "500", "--pipeline-sweep", "2", "--rate", "20000")
    wall_ns = rounds(report)["rebuilder --pipeline 2"][0]["wall_ns"]
    assert wall_ns > 499 / 20000 * 1e9, wall_ns  # it isn't faster than the rate that was asked for


def check_line(bench):
    small = ("--rounds", "2", "--requests", "600", "--flows", "50")
    report = measured(bench, "line", *small)
    found = rounds(report)
    assert len(found) == 8 and all(len(runs) == 2 for runs in found.values()), found
    assert len({runs[0]["frames"] for runs in found.values()}) == 1, found  # all read the same
    assert report["llhttp_ratio"] > 0 and "llhttp_ratio" in report["targets"], report
    # Where frames are missing, or there's no HTTP, there's nothing that llhttp could be given.
    for more in (("--loss", "2", "--reorder", "2", "--duplicate", "1", "--both"), ("--mix", "noise")):
        report = measured(bench, "line", *small, *more, "--line-only")
        assert list(rounds(report)) == ["+ slot: the whole line"] and not report["ratios"], report


def check_flows(bench):
    report = measured(bench, "flows", "--rounds", "2", "--requests", "500", "--counts", "200,20,20")
    found = rounds(report)
    assert list(found) == ["20 flows", "200 flows"], found
    assert all(each["requests"] == each["frames"] == 500 for runs in found.values() for each in runs), found
    assert report["cost_ratio"] > 0 and report["bytes_per_idle_flow"] > 0, report
    assert list(report["targets"]) == ["cost_ratio", "bytes_per_idle_flow"], report


def check_h2(bench):
    report = measured(bench, "h2", "--rounds", "2", "--requests", "1000", "--connections", "20", "--mix", "grpc,browser")
    found = rounds(report)
    for mix in ("browser", "grpc"):
        for program in (f"rebuilder, {mix}", f"nghttp2 inflate, {mix}", f"nghttp2 session, {mix}"):
            assert [each["requests"] for each in found.pop(program)] == [1000, 1000], (program, report)
    assert not found, found
    assert [each["figure"] for each in report["ratios"]] == [
        f"{what}_ratio.{mix}" for mix in ("browser", "grpc") for what in ("inflate", "session")], report
    assert list(report["targets"]) == ["inflate_ratio.browser", "inflate_ratio.grpc"], report


def check_replay(bench, rebuilder):
    report = measured(bench, "replay", "--rebuilder", rebuilder, "--rounds", "2", "--requests", "500", "--flows", "100",
                      "--write-size", "4096", "--peer", "sizes=wc -c {} {inner} >/dev/null",
                      "--peer", "nobody=nobody-has-this {}")
    found = rounds(report)
    for program in ("rebuilder replay", "rebuilder replay, sent", "rebuilder replay, pipelined", "sizes"):
        assert [each["requests"] for each in found[program]] == [500, 500], found
        assert all(each["cpu_ns"] > 0 and each["frames"] > 1000 for each in found[program]), found
    missing = [note.split(":")[0] for note in report["notes"] if "not here" in note]
    assert missing == ([] if "httpry" in found else ["httpry"]) + ["nobody"], report
    assert ("httpry_ratio" in report["targets"]) == ("httpry" in found), report
    assert report["sizes_ratio"] > 0, report


def check_plot(bench):
    if shutil.which("gnuplot") is None:
        done = run(bench, "h2", "--plot", "anywhere")
        assert done.returncode == 1 and "gnuplot-nox" in done.stderr, done
        print("gnuplot isn't installed: no chart was drawn")
        return
    with tempfile.TemporaryDirectory() as folder:
        plots = os.path.join(folder, "it's", "new")
        report = measured(bench, "h2", "--rounds", "2", "--requests", "300", "--mix", "api", "--plot", plots)
        assert [each["name"] + ".svg" for each in report["charts"]] == os.listdir(plots) == ["h2.svg"], report["charts"]
        with open(os.path.join(plots, "h2.svg")) as file:
            picture = file.read()
        for text in ("<svg", "HPACK inflater alone", "CPU a request, µs", "</svg>"):
            assert text in picture, (text, picture)
        done = run(bench, "h2", "--plot", os.path.join(plots, "h2.svg"))
        assert done.returncode == 1 and "--plot" in done.stderr and not done.stdout, done
LIVE = ("--flows", "300", "--requests", "3000", "--mix", "browser")  # some frames more than a port holds


def check_end_to_end(bench):
    report = measured(bench, "end-to-end", *LIVE, "--rounds", "2", "--seconds", "1", "--up-to", "2000")
    assert 1500 < report["loss_free_requests_per_s"] < 2500, report  # it was offered, and all of it came
    assert report["loss_free_frames_per_s"] > 4 * report["loss_free_requests_per_s"], report
    assert 0 < report["p50_us"] <= report["p99_us"] <= report["p999_us"], report
    assert report["latency_requests_per_s"] == 1000, report
    assert list(report["targets"]) == ["p99_us"], report
    assert [each["name"] for each in report["charts"]] == ["loss", "latency-by-rate", "latency"], report
    done = run(bench, "end-to-end", *LIVE, "--rounds", "1", "--seconds", "1", "--rate", "1000", "--port", "af_packet", "--json", "-")
    if os.geteuid() == 0:
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["end_to_end"]["settings"]["port"] == "af_packet", done.stdout
    else:
        assert done.returncode == 1 and "--port af_packet: needs root" in done.stderr, done


def check_soak(bench):
    report = measured(bench, "soak", "--rx-descriptors", "4096", *LIVE, "--minutes", "0.02", "--rate", "2000")
    assert report["requests"] > 1000 and report["frames_lost"] == report["requests_lost"] == 0, report
    soak = subprocess.Popen([bench, "soak", "--rx-descriptors", "4096", *LIVE, "--minutes", "5", "--rate", "1000", "--json", "-"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(2)
    soak.send_signal(signal.SIGINT)
    out, err = soak.communicate(timeout=30)
    assert soak.returncode == 0, err
    report = json.loads(out)["soak"]
    assert report["requests"] > 0 and report["minutes"] < 4, report
    assert any("SIGINT" in note for note in report["notes"]), report


def check_refusals(bench):
    for arguments, status, names in [
        ([], 2, "scenario"),
        (["forward", "--mix", "put"], 2, "--mix"),
        (["forward", "--connections", "0"], 2, "--connections"),
        (["forward", "--rate", "5"], 2, "--rate"),
        (["forward", "--output", "null"], 2, "--output"),
        (["forward", "--cpu", "1023"], 2, "--cpu"),
        (["line", "--mix", "get"], 2, "--mix"),
        (["line", "--flows", "300", "--requests", "299"], 2, "--requests"),
        (["flows", "--counts", "0"], 2, "--counts"),
        (["h2", "--mix", "get"], 2, "--mix"),
        (["h2", "--connections", "50000"], 2, "--connections"),
        (["h2", "--connections", "300", "--requests", "299"], 2, "--requests"),
        (["h2", "--sink-cpu", "0"], 2, "--sink-cpu"),
        (["replay", "--peer", "cat {}"], 2, "--peer"),
        (["replay", "--peer", "cat=cat"], 2, "--peer"),
        (["replay", "--peer", "httpry=cat {}"], 2, "--peer"),
        (["replay", "--requests", "10", "--flows", "11"], 2, "--requests"),
        (["replay", "--write-size", "0"], 2, "--write-size"),
        (["replay", "--requests", "10", "--flows", "1", "--rebuilder", "/nowhere"], 1, "--rebuilder"),
        (["replay", "--requests", "10", "--flows", "1", "--peer", "false=false {}"], 1, "false"),
        (["replay", "--requests", "10", "--flows", "1", "--rebuilder", "true"], 1, "rebuilt"),
        (["end-to-end", "--loss", "1"], 2, "--loss"),
        (["end-to-end", "--mix", "noise"], 2, "--mix"),
        (["end-to-end", "--port", "wire"], 2, "--port"),
        (["end-to-end", "--flows", "100", "--requests", "99"], 2, "--requests"),
        (["soak", "--flows", "100", "--requests", "101"], 2, "--requests"),
        (["soak", "--share", "1.5"], 2, "--share"),
        (["forward", "--json", "/nowhere/at/all"], 1, "--json"),
        (["forward", "--output", "http://127.0.0.1:1", "--requests", "20", "--pipeline-sweep", "1"], 1, "127.0.0.1:1"),
    ]:
        done = run(bench, *arguments)
        assert done.returncode == status, (arguments, done)
        assert re.fullmatch(rf"rebuilder-bench: .*{re.escape(names)}.*\n", done.stderr), (arguments, done.stderr)
        assert done.stdout == "", (arguments, done.stdout)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    check_line(sys.argv[1])
    check_flows(sys.argv[1])
    check_comparison(sys.argv[1])
    check_sweep(sys.argv[1])
    check_h2(sys.argv[1])
    check_replay(sys.argv[1], sys.argv[2])
    check_plot(sys.argv[1])
    if len(os.sched_getaffinity(0)) > 1:
        check_end_to_end(sys.argv[1])
        check_soak(sys.argv[1])
    check_refusals(sys.argv[1])
