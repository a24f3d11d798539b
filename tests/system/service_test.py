#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A running rebuilder as its surroundings see it: health checks, the ledger over HTTP, a stop that ends in time
although frames never stop coming (DPDK's net_null always has some), and one although no output answers.

    service_test.py REBUILDER FOLDER_OF_PCAP_FIXTURES
"""

import contextlib
import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from alb import free_port
from report import Report


def ask(port, path, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def memory_in_check(report, rebuilder):
    """`check` and a run say the same of a worker's memory, and of how many there will be."""
    for inputs in (1, 2):
        arguments = ["--output", "null", "--lock-memory", "never", "--idle-sleep", "1ms", "--health-listen", "none", "--admin-listen", "none"]
        for number in range(inputs):
            arguments += ["--input", f"vdev:net_null{number}"]
        checked = subprocess.run([rebuilder, "check", *arguments], capture_output=True, text=True, timeout=20).stdout
        process = subprocess.Popen([rebuilder, "run", *arguments], stderr=subprocess.PIPE, text=True)
        ready = next(line for line in process.stderr if line.startswith("rebuilder: ready"))
        process.terminate()
        process.communicate(timeout=20)
        workers, each = map(int, re.search(r"ready: (\d+) workers?, each with at most (\d+) MiB", ready).groups())
        stated = re.search(r"memory: (\d+) workers? and the outputs can come to use (\d+) MB", checked)
        report.check(f"{inputs} inputs: check knows of all memory that a run may use",
                     stated and int(stated[1]) == workers == inputs and 0 <= int(stated[2]) - workers * each < 2 * workers,
                     f"{ready} {stated and stated[0]}")


def silent_outputs(report, rebuilder, capture):
    """Several outputs that take requests and never answer have the drain time once, not one after the other."""
    with contextlib.ExitStack() as holes, tempfile.NamedTemporaryFile(suffix=".json") as ledger_file:
        arguments = []
        for _ in range(3):
            hole = holes.enter_context(socket.create_server(("127.0.0.1", 0)))
            arguments += ["--output", f"http://127.0.0.1:{hole.getsockname()[1]}"]
        begin = time.monotonic()
        done = subprocess.run(
            [rebuilder, "run", "--input", f"pcap:{capture}", *arguments, "--timeout", "60s", "--drain-timeout", "2s",
             "--ledger", ledger_file.name, "--health-listen", "none", "--admin-listen", "none"],
            capture_output=True, text=True, timeout=30)
        seconds = time.monotonic() - begin
        report.check("three silent outputs are left after the drain time", 2 <= seconds < 5, seconds)
        with open(ledger_file.name) as file:
            books = json.load(file)
        report.check("every law holds then, too", all(law["holds"] for law in books["laws"]), books["laws"])
        for output in books["outputs"]:
            counters = output["counters"]
            report.check(f"{output['output']}: what is left is counted",
                         counters["failed_drain"] == counters["handed_off"] > 0, counters)
            sentence = f"output {output['output']}: {counters['failed_drain']} requests had no answer yet"
            report.check(f"{output['output']}: and said", sentence in done.stderr, done.stderr)
        bounds = [line for line in done.stderr.splitlines() if line.startswith("  output ") and "MiB" in line]
        report.equal("the bounds of each output are said at start", 3, len(bounds))


def stop_in_a_reload(report, rebuilder, capture):
    """A stop while an output that a reload took away still sends: both have the drain time, side by side."""
    with contextlib.ExitStack() as holes, tempfile.TemporaryDirectory() as folder:
        urls = []
        for _ in range(2):
            hole = holes.enter_context(socket.create_server(("127.0.0.1", 0)))
            urls.append(f"http://127.0.0.1:{hole.getsockname()[1]}")
        admin, said = free_port(), os.path.join(folder, "said")
        config, ledger_file = os.path.join(folder, "rebuilder.toml"), os.path.join(folder, "ledger.json")

        def write(outputs):
            with open(config, "w") as file:
                file.write(f"input = [\"pcap:{capture}\", \"vdev:net_null0\"]\noutput = {json.dumps(outputs)}\nworkers = 1\n"
                           f"timeout = \"60s\"\ndrain-timeout = \"3s\"\nhealth-listen = \"none\"\n"
                           f"admin-listen = \"127.0.0.1:{admin}\"\nledger = \"{ledger_file}\"\n")

        def wait(condition):
            end = time.monotonic() + 20
            while not condition() and time.monotonic() < end:
                time.sleep(0.02)

        def has_said(text):
            with open(said) as file:
                return text in file.read()

        write(urls)
        with open(said, "wb") as stderr:
            process = subprocess.Popen([rebuilder, "run", "-c", config], stderr=stderr)
        try:
            wait(lambda: has_said("rebuilder: ready"))
            wait(lambda: all(output["counters"]["handed_off"] for output in json.loads(ask(admin, "/ledger")[1])["outputs"]))
            write(urls[1:])
            process.send_signal(signal.SIGHUP)
            wait(lambda: has_said("rebuilder: reloaded: output"))
            begin = time.monotonic()
            process.send_signal(signal.SIGTERM)
            process.wait(20)
            seconds = time.monotonic() - begin
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        report.check("a stop in a reload takes the drain time once", 2 <= seconds < 4.5, seconds)
        with open(ledger_file) as file:
            books = json.load(file)
        report.check("and every law holds", all(law["holds"] for law in books["laws"]), books["laws"])
        report.equal("what neither output answered is counted", 2,
                     sum(output["counters"]["failed_drain"] > 0 for output in books["outputs"]))


def reload_without_threads(report, rebuilder, capture):
    """A reload on a host that gives this user no more threads changes nothing, as it says."""
    if os.geteuid() != 0:
        return
    user = 54321
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        program, own_capture = shutil.copy(rebuilder, folder), shutil.copy(capture, folder)
        admin, said, config = free_port(), os.path.join(folder, "said"), os.path.join(folder, "rebuilder.toml")

        def write(outputs):
            with open(config, "w") as file:
                file.write(f"input = [\"pcap:{own_capture}\", \"vdev:net_null0\"]\noutput = {json.dumps(outputs)}\nworkers = 1\n"
                           f"idle-sleep = \"1ms\"\nlock-memory = \"never\"\nhealth-listen = \"none\"\n"
                           f"admin-listen = \"127.0.0.1:{admin}\"\n")

        def start(threads):
            def become():
                os.setgid(user)
                os.setuid(user)
                if threads:
                    resource.setrlimit(resource.RLIMIT_NPROC, (threads, threads))
            with open(said, "wb") as stderr:
                return subprocess.Popen([program, "run", "-c", config], stderr=stderr, preexec_fn=become,
                                        env=os.environ | {"RUNTIME_DIRECTORY": folder})

        def has_said(text):
            end = time.monotonic() + 20
            while time.monotonic() < end:
                with open(said) as file:
                    if text in (found := file.read()):
                        return True
                time.sleep(0.05)
            print(found)
            return False

        threads = 0
        for _ in range(2):  # the first one says how many it has
            write(["null"])
            process = start(threads)
            try:
                report.check("it is ready", has_said("rebuilder: ready"))
                if threads:
                    time.sleep(0.5)
                    write(["null", "http://127.0.0.1:9"])
                    process.send_signal(signal.SIGHUP)
                    report.check("a reload that finds no thread is refused", has_said("not reloaded, all stays as it is: "))
                    report.equal("the output is still there", ["null"],
                                 [output["output"] for output in json.loads(ask(admin, "/ledger")[1])["outputs"]])
                threads = len(os.listdir(f"/proc/{process.pid}/task"))
                process.terminate()
                report.equal("it ends with status 0", 0, process.wait(20))
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()


def main(rebuilder, fixtures):
    report = Report()
    health, admin = free_port(), free_port()
    ledger_file = tempfile.NamedTemporaryFile(suffix=".json")
    process = subprocess.Popen(
        [rebuilder, "run", "--input", "vdev:net_null0,size=128", "--output", "null", "--ledger", ledger_file.name,
         "--health-listen", f"127.0.0.1:{health}", "--admin-listen", f"127.0.0.1:{admin}"],
        stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            if line.startswith("rebuilder: ready"):
                break
        time.sleep(0.3)
        report.check("the health check is 200 OK", ask(health, "/-/healthcheck") == (200, "OK"))
        report.check("ping is 200 PONG", ask(health, "/-/ping") == (200, "PONG"))
        report.check("anything else is 405", ask(health, "/")[0] == 405)
        report.check("another method is 405", ask(health, "/-/healthcheck", "POST")[0] == 405)
        first = json.loads(ask(admin, "/ledger")[1])["counters"]["frames"]
        time.sleep(0.2)
        report.check("the ledger moves", json.loads(ask(admin, "/ledger")[1])["counters"]["frames"] > first)

        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=20)
        report.check("it stops in 3 seconds under frames that never pause", time.monotonic() - begin < 3)
        report.check("with status 0", process.returncode == 0, rest)
        with open(ledger_file.name) as file:
            books = json.load(file)
        report.check("every law holds", all(law["holds"] for law in books["laws"]), json.dumps(books["laws"]))
        report.check("every frame is accounted for as no tunnel's",
                     books["counters"]["frames"] == books["counters"]["frame_not_tunnel"] > first)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    memory_in_check(report, rebuilder)
    reload_without_threads(report, rebuilder, os.path.join(fixtures, "real-clients.pcap"))
    silent_outputs(report, rebuilder, os.path.join(fixtures, "real-clients.pcap"))
    stop_in_a_reload(report, rebuilder, os.path.join(fixtures, "real-clients.pcap"))
    return report.close()


if __name__ == "__main__":
    sys.exit(main(*map(os.path.abspath, sys.argv[1:3])))
