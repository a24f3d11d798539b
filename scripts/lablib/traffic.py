# SPDX-License-Identifier: Apache-2.0
"""Real clients against the origins: curl, wrk, h2load, Node, a browser, uploads, gRPC, all at once.

    result = run(topology, seconds=20)                       every kind, at RATE requests a second together
    result = run(topology, 1800, mixes=("wrk", "curl"), rate=200)

Each request has an id, RUN-KIND-NUMBER: in X-Lab-Id, or in its target where a client can't have fields of its own
(h2load, and what a browser loads for a page). A run is added to traffic.json: what each kind sent, what was answered.
"""

import concurrent.futures
import json
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

from . import PYTHON, ROOT
from .origins import H2C, HTTP

HERE = Path(__file__).resolve().parent
HOST = "shop.example.com"
RATE = 120  # requests a second, all kinds together: what two WAF nodes keep up with on two cores that everything shares
# How much of the rate each has. The browser and the uploads have a pace of their own.
SHARES = {"wrk": 0.4, "h2load": 0.25, "node": 0.2, "curl": 0.1, "grpc": 0.05}
UPLOADS = (1_000, 64_000, 900_000, 3_000_000, 20_000_000)  # beyond --max-body (1M) the rebuilder cuts them, and says so
UPLOAD_PAUSE, PAGE_PAUSE = 2, 2  # seconds between two
KINDS = (*SHARES, "browser", "uploads")
PROBE, PROBE_SECONDS, PROBE_PAUSE = "probe", 4, 15  # one request at a time and milliseconds of nothing: for the latency
LEFT_OPEN = 30  # seconds that a client may need beyond its time


class Count:
    def __init__(self, what):
        self.what, self.sent, self.answered, self.trouble = what, 0, 0, []

    def failed(self, words):
        if len(self.trouble) < 5:
            self.trouble.append(words[-300:])

    def as_json(self):
        return vars(self)


class Run:
    """One run of traffic: what its kinds share."""

    def __init__(self, topology, seconds, rate):
        self.topology, self.seconds, self.rate = topology, seconds, rate
        self.id = f"t{int(time.time() * 1000):x}"
        self.end = time.monotonic() + seconds
        self.folder = topology.dir / "traffic" / self.id
        self.folder.mkdir(parents=True)
        self.number = 0

    def left(self):
        return self.end - time.monotonic()

    def share(self, kind):
        """Requests a second."""
        return self.rate * SHARES[kind]

    def client(self, command, **options):
        """Runs a client to its end; one that is still there some time after the run is ended."""
        limit = max(1, self.left()) + LEFT_OPEN
        return self.topology.clients.run(command, check=False, timeout=limit, stdout=subprocess.PIPE, **options)

    def url(self, origin, port=HTTP):
        return f"http://{getattr(self.topology, origin).address}:{port}"


# ---- curl ----

def curl_cases(run, noise):
    """(target, lines of curl's configuration); one round of what people do with it."""
    body, small = run.folder / "body.bin", run.folder / "small.txt"
    order = json.dumps('{"item":"Käse","quantity":3,"note":"\\"quoted\\" and <tags>"}', ensure_ascii=False)
    cookie = "session=" + "".join(noise.choices("0123456789abcdef", k=5000))
    return (
        ("/", ""),
        ("/search?q=%C3%BCber%20alles&lang=de&x=a%2Fb", ""),
        ("/api/order", f'header = "Content-Type: application/json"\ndata-binary = {order}'),
        ("/form", 'data = "name=Anna&city=Bern"'),
        ("/api/level", 'request = "PUT"\ndata = "level=7"'),
        ("/api/order/17", 'request = "DELETE"'),
        ("/stream", f'upload-file = "{body}"\nheader = "Transfer-Encoding: chunked"\nheader = "Expect:"'),
        ("/large", f'header = "Expect: 100-continue"\ndata-binary = "@{body}"'),
        ("/page", "head"),
        ("/api/order", 'request = "OPTIONS"\nheader = "Origin: http://other.example"'),
        ("/long?" + "x" * 7000, ""),
        ("/account", f'header = "Cookie: {cookie}"'),
        ("/upload", f'form = "name=report"\nform = "file=@{small}"'),
        ("/old", "http1.0"),
        ("/proxied", 'header = "X-Forwarded-For: 198.51.100.9"\nheader = "X-Forwarded-Proto: https"'),
        ("/asset.js", ""), ("/asset.css", ""), ("/products?page=2", ""),
    )


def curl(run):
    count, noise = Count("GET, POST, PUT, DELETE, HEAD, chunked, 100-continue, long targets and fields"), random.Random(1)
    (run.folder / "body.bin").write_bytes(noise.randbytes(30_000))
    (run.folder / "small.txt").write_text("some words\n" * 50)
    pause, turn = len(curl_cases(run, noise)) / run.share("curl"), 0
    while run.left() > 0:
        begun, base, turn = time.monotonic(), run.url("origin1" if turn % 3 else "origin2"), turn + 1
        parts = []
        for target, lines in curl_cases(run, noise):
            count.sent += 1
            parts.append(f'url = "{base}{target}"\nheader = "Host: {HOST}"\nheader = "X-Lab-Id: {run.id}-curl-{count.sent}"\n'
                         f'output = "/dev/null"\nwrite-out = "%{{http_code}}\\n"\nsilent\nmax-time = 10\n{lines}\n')
        config = run.folder / "curl.conf"
        config.write_text("next\n".join(parts))
        done = run.client(["curl", "-q", "-K", config])
        statuses = done.stdout.decode().split()
        count.answered += statuses.count("200")
        if statuses.count("200") != len(parts):
            count.failed(f"statuses {statuses}; {done.stderr.decode()}")
        time.sleep(max(0, min(run.left(), begun + pause - time.monotonic())))
    return count


# ---- wrk and h2load ----

def wrk(run):
    connections = 16
    return wrk_of(run, "wrk", connections, round(1000 * connections / run.share("wrk")))


def probe(run):
    return wrk_of(run, PROBE, 1, PROBE_PAUSE)


def wrk_of(run, kind, connections, pause):
    """Kept-alive connections, each with a pause behind each answer, so that the rate is what was asked for."""
    count = Count("kept-alive connections" if connections > 1 else "one request at a time, before all others")
    done = run.client(["wrk", "-t", "1", "-c", connections, "-d", f"{max(1, round(run.seconds))}s", "--timeout", "10s",
                       "-s", HERE / "wrk.lua", run.url("origin1"), "--", f"{run.id}-{kind}", HOST, pause])
    said = done.stdout.decode()
    if found := re.search(r"(\d+) requests in", said):
        count.sent = count.answered = int(found[1])
    if done.returncode or "Non-2xx" in said or "Socket errors" in said:
        count.failed(f"status {done.returncode}: {said} {done.stderr.decode()}")
    return count


def h2load(run):
    """HTTP/2 with prior knowledge, in turns to nginx and to Node; a target may come several times, and is counted."""
    count, turn = Count("HTTP/2 in cleartext, streams side by side"), 0
    clients, chunk = 2, 10  # seconds of one h2load: it may end some requests late
    rate = run.share("h2load") / clients
    while run.left() > 1:
        seconds = min(chunk, run.left())
        each = max(1, int(rate * seconds))
        origin = "origin2" if turn % 2 else "origin1"
        base = run.url(origin, H2C[origin])
        targets = run.folder / "h2load.txt"
        targets.write_text("".join(f"{base}/h2load?lab={run.id}-h2load-{turn}.{number}\n" for number in range(each)))
        done = run.client(["h2load", "-t", "1", "-c", clients, "-m", "8", "-n", each * clients, f"--rps={max(1, round(rate))}",
                           "-H", "accept: text/html", "-H", "user-agent: h2load", "-i", targets])
        said, turn = done.stdout.decode(), turn + 1
        found = re.search(r"(\d+) total, (\d+) started, (\d+) done, (\d+) succeeded", said)
        if found:
            count.sent += int(found[2])
            count.answered += int(found[4])
        if not found or found[2] != found[4]:
            count.failed(f"status {done.returncode}: {said} {done.stderr.decode()}")
    return count


# ---- programs that say themselves what they did ----

def told(count, done):
    """Its last line has the figures."""
    lines = done.stdout.decode().splitlines()
    try:
        said = json.loads(lines[-1])
        count.sent, count.answered = said["sent"], said["answered"]
    except (IndexError, ValueError, KeyError):
        said = {"sent": None, "answered": None}
    if done.returncode or said["sent"] != said["answered"]:
        count.failed(f"status {done.returncode}: {lines[-1:]} {done.stderr.decode()}")
    return count


def node(run):
    count = Count("pipelined, kept-alive and streaming requests of HTTP/1.1, sessions of HTTP/2")
    addresses = [run.topology.origin1.address, run.topology.origin2.address]
    return told(count, run.client(["node", HERE / "traffic_client.js", run.id, run.seconds, run.share("node"), HTTP,
                                   H2C["origin2"], *addresses]))


def grpc(run):
    count = Count("unary calls and streams")
    return told(count, run.client([PYTHON, HERE / "traffic_grpc.py", run.topology.origin2.address, H2C["origin2"],
                                   run.id, run.seconds, run.share("grpc")]))


# ---- uploads ----

def uploads(run):
    count, noise = Count(f"bodies of {UPLOADS[0]:,} to {UPLOADS[-1]:,} bytes"), random.Random(2)
    file = run.folder / "upload.bin"
    while run.left() > 0:
        size = UPLOADS[count.sent % len(UPLOADS)]
        file.write_bytes(noise.randbytes(size))
        count.sent += 1
        origin = "origin1" if count.sent % 2 else "origin2"
        done = run.client(["curl", "-q", "-sS", "--max-time", "20", "-T", file, "-H", f"Host: {HOST}", "-H",
                           f"X-Lab-Id: {run.id}-uploads-{count.sent}", "-H", "Content-Type: application/octet-stream",
                           "-o", "/dev/null", "-w", "%{http_code}", f"{run.url(origin)}/upload/{size}"])
        if done.stdout == b"200":
            count.answered += 1
        else:
            count.failed(f"{size} bytes: {done.stdout.decode()} {done.stderr.decode()}")
        time.sleep(max(0, min(UPLOAD_PAUSE, run.left())))
    file.unlink(missing_ok=True)
    return count


# ---- a browser ----

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>shop</title><link rel="icon" href="data:,"></head>
<body><h1>Shop</h1><div id="pictures"></div><iframe name="answer"></iframe>
<form id="order" method="post" target="answer"><input name="item" value="cheese"><input name="note" value="two &amp; a half"></form>
<script>
async function visit(id) {
  let number = 0;
  const next = () => `${id}.${++number}`;
  const loaded = [];
  for (let picture = 0; picture < 6; picture++) {
    const image = document.createElement('img');
    loaded.push(new Promise((done) => { image.onload = image.onerror = done; }));
    image.src = `/picture.svg?lab=${next()}`;
    document.getElementById('pictures').append(image);
  }
  const ask = (target, options) => fetch(target, {...options, headers: {...(options || {}).headers, 'X-Lab-Id': next()}})
      .then((answer) => answer.text());
  await Promise.all([...loaded, ask('/api/products?page=1'), ask('/api/cart', {method: 'POST', body: JSON.stringify({item: 17}),
      headers: {'Content-Type': 'application/json'}}), ask('/api/cart/17', {method: 'DELETE'})]);
  const data = new FormData();
  data.append('note', 'a file');
  data.append('file', new Blob(['x'.repeat(20000)]), 'notes.txt');
  await ask('/upload', {method: 'POST', body: data});
  const form = document.getElementById('order');
  const answered = new Promise((done) => { document.querySelector('iframe').onload = done; });
  form.action = `/order?lab=${next()}`;
  form.submit();
  await answered;
  return number;
}
</script></body></html>
"""
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><circle cx="20" cy="20" r="15" fill="teal"/></svg>\n'


def browser(run):
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    from browser import Browser  # noqa: PLC0415  where there is no Chromium, the other kinds run all the same
    count = Count("pages in Chromium, with pictures, fetch(), an upload and a form")
    site = run.topology.dir / "origin1" / "site"
    site.mkdir(parents=True, exist_ok=True)
    (site / "shop.html").write_text(PAGE)
    (site / "picture.svg").write_text(PICTURE)
    pages = 0
    with Browser(run.folder, ("ip", "netns", "exec", run.topology.clients.namespace)) as page:
        while run.left() > 0:
            pages += 1
            name = f"{run.id}-browser-{pages}"
            page.events.clear()
            page.open(f"{run.url('origin1')}/shop.html?lab={name}")
            page.value(f"visit('{name}')")
            page.value("0")  # behind its events
            events = [event["method"] for event in page.events]
            count.sent += events.count("Network.requestWillBeSent")
            count.answered += events.count("Network.responseReceived")
            time.sleep(max(0, min(PAGE_PAUSE, run.left())))
    if count.sent != count.answered:
        count.failed(f"{count.sent} requests, {count.answered} answers")
    return count


# ---- what it costs ----

def cpu(topology):
    """CPU seconds that each host's processes have used so far. The clients are left out: theirs come and go."""
    used = {}
    for host in (*topology.origins, topology.balancer, *topology.rebuilders, topology.alb, *topology.wafs):
        used[host.name] = sum(map(cpu_of, host.pids()))
    return used


def cpu_of(pid):
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def machine():
    """What it ran on."""
    models = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {"cores": os.cpu_count(), "model": models[0] if models else os.uname().machine, "kernel": os.uname().release}


# ---- all of it ----

FUNCTIONS = {"curl": curl, "wrk": wrk, "h2load": h2load, "node": node, "grpc": grpc, "browser": browser, "uploads": uploads,
             PROBE: probe}


def run(topology, seconds=20, mixes=KINDS, rate=RATE, say=print, file="traffic.json"):
    """Sends for that long, and adds what came of it to the file. A kind that can't be had says why, and is left out."""
    if unknown := set(mixes) - set(FUNCTIONS):
        raise ValueError(f"no such traffic: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    current, started, before = Run(topology, seconds, rate), time.time(), cpu(topology)
    say(f"{seconds:g} s of {', '.join(mixes)}, about {rate:g} requests a second")
    with concurrent.futures.ThreadPoolExecutor(len(mixes)) as pool:
        jobs = {kind: pool.submit(FUNCTIONS[kind], current) for kind in mixes}
        kinds = {}
        while waiting := [kind for kind, job in jobs.items() if not job.done()]:
            concurrent.futures.wait([jobs[kind] for kind in waiting], timeout=30)
            if current.left() > 0:
                say(f"{max(0, current.left()):.0f} s of traffic to go")
        for kind, job in jobs.items():
            try:
                kinds[kind] = job.result().as_json()
            except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                kinds[kind] = Count("failed").as_json() | {"trouble": [str(error)[-300:]]}
    used = {name: round(seconds_ - before[name], 3) for name, seconds_ in cpu(topology).items() if seconds_ or before[name]}
    result = {"run": current.id, "started": started, "ended": time.time(), "seconds": seconds, "rate": rate, "kinds": kinds,
              "cpu": used, "machine": machine(), "instances": topology.instances, "waf_nodes": topology.waf_nodes}
    for kind, count in kinds.items():
        say(f"{kind}: {count['sent']} sent, {count['answered']} answered" + "".join(f"; {words}" for words in count["trouble"]))
    add(topology.dir / file, result)
    return result


def add(path, result):
    """Several runs of one lab are in one file."""
    known = json.loads(path.read_text()) if path.exists() else {"runs": []}
    known["runs"].append(result)
    new = path.with_suffix(f".{os.getpid()}")
    new.write_text(json.dumps(known, indent=1) + "\n")
    new.rename(path)
