#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The status page of running rebuilders in a headless Chromium: with nothing mirrored, with an output that is down, with
traffic that is not HTTP, and when all is well, it says so in the right sentence; and what it shows is sane, safe and fits.

    status_test.py REBUILDER [FOLDER]    FOLDER gets a screenshot of each, light and dark, wide and narrow

With AXE=axe.min.js (npm package axe-core) in the environment, the page is also checked for accessibility.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import lab as laboratory
from lab import Lab, Rebuilder
from program import SKIP
from report import Report

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from browser import Browser, chromium  # noqa: E402

HERE = Path(__file__).resolve().parent
PORT, OUTPUT_PORT = 9446, 8080
URL = f"http://127.0.0.1:{PORT}/status"
FRAMES_A_SECOND = 400
SETTLED_S = 25  # the findings look back some seconds
NAME = "<img src=x onerror=\"document.title='broken in'\">.jsonl"

FINDINGS = "[...document.querySelectorAll('.finding')].map((each) => each.textContent).join('\\n')"
FITS = """[...document.querySelectorAll('body *')].filter((each) => {
    const box = each.getBoundingClientRect();
    return box.width && box.right > innerWidth + 1 && !each.closest('.scroll, .hidden, .skip');
}).map((each) => each.className || each.tagName).slice(0, 5)"""
SETTLE_LAYOUT = "new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100))).then(() => 0)"
HIDE = """Object.defineProperty(document, 'hidden', {value: %s, configurable: true});
document.dispatchEvent(new Event('visibilitychange')); 0"""

# The page's own arithmetic.
EXPRESSIONS = {
    "short(0)": "0", "short(0.004)": "<0.01", "short(9.94)": "9.9", "short(4210)": "4,210", "short(57300)": "57.3k",
    "short(1200000)": "1.20M", "short(999700)": "1.00M", "percent(0)": "0 %", "percent(0.00001)": "<0.01 %",
    "percent(0.99999)": ">99.99 %", "percent(1)": "100 %", "percent(0.1)": "10 %", "seconds(0.00025)": "250 µs",
    "duration(90061)": "1 d 1 h", "duration(59)": "59 s", "bytes(1536)": "1.50 KB",
    "percentile({le_s: [1, 2, 4], counts: [10, 10, 0, 0]}, null, 0.5)": 1,
    "percentile({le_s: [1, 2, 4], counts: [10, 10, 0, 0]}, null, 0.75)": 1.5,
    "percentile({le_s: [1, 2, 4], counts: [10, 0, 0, 9]}, {counts: [10, 0, 0, 0]}, 0.5)": 4,
    "percentile({le_s: [1], counts: [0, 0]}, null, 0.5) + ''": "NaN",
    "roundUp(41)": 50, "roundUp(0)": 1,
    "stages(null, {counters: {frames: 9, segments: 6, frame_not_tunnel: 2, frame_inner_truncated: 1}})[0].why"
    ".map((each) => [each.amount, each.lost]).join(' ')": "1,true 2,false",
    "stages({counters: {frames: 5}}, {counters: {frames: 9}, ports: [{name: 'p', missed: 1, no_buffers: 0}]})[0].into": 5,
    "reasonText('requests_not_sampled')": "outside the share that --sample takes",
}


class Page:
    """The page in the browser, and what there is to check of it in any situation."""

    def __init__(self, report, browser, shots):
        self.report, self.browser, self.shots = report, browser, shots

    def says(self, name, severity, *words):
        """Opens it, waits for the sentence and looks at all of the rest."""
        self.browser.size(1280, 800)
        self.browser.events.clear()
        self.browser.open(URL)
        condition = f"(() => {{ const all = {FINDINGS}; return {json.dumps(words)}.every((each) => all.includes(each)); }})()"
        found = self.browser.until(condition, SETTLED_S)
        self.report.check(f"{name}: it says so: {' ... '.join(words)}", found, self.browser.value(FINDINGS))
        self.report.equal(f"{name}: as {severity}", severity,
                          self.browser.value("document.querySelector('.finding').dataset.severity"))
        self.report.equal(f"{name}: it is live", "Live", self.browser.value("document.getElementById('link').textContent"))
        self.report.check(f"{name}: and a screen reader is told",
                          words[0] in self.browser.value("document.getElementById('announcer').textContent"))
        if self.shots:
            self.browser.until("history_.samples.length >= 12", 20)
        for width in (1280, 360):
            for dark in (False, True):
                self.browser.size(width, 800, dark)
                self.browser.value(SETTLE_LAYOUT)
                self.report.equal(f"{name}: all of it is on a screen of {width} px", [], self.browser.value(FITS))
                self.accessible(f"{name}, {width} px, {'dark' if dark else 'light'}")
                if self.shots:
                    self.browser.screenshot(self.shots / f"{name}-{width}-{'dark' if dark else 'light'}.png")
        self.browser.size(1280, 800)
        self.report.equal(f"{name}: the browser has no complaint", [], self.browser.complaints())

    def accessible(self, name):
        if not (axe := os.environ.get("AXE")):
            return
        self.browser.call("Runtime.evaluate", expression=Path(axe).read_text())
        found = json.loads(self.browser.value("axe.run().then((found) => JSON.stringify({passed: found.passes.length, "
                                              "failed: found.violations.map((each) => each.id)}))"))
        self.report.check(f"axe: {name}", found["passed"] > 10 and not found["failed"], found)

    def text(self, selector):
        return self.browser.value(f"document.querySelector({json.dumps(selector)}).innerText")

    def seen(self):
        return self.browser.value("history_.snapshots.length + history_.samples.length")


def headers_are_strict(report, host):
    """Asked from within the host's namespace."""
    code = (f"import http.client as h\nc = h.HTTPConnection('127.0.0.1', {PORT}, timeout=5)\nc.request('GET', '/status')\n"
            "a = c.getresponse()\nprint(a.status)\n[print(k + ': ' + v) for k, v in a.getheaders()]")
    said = host.run(sys.executable, "-c", code, stdout=-1).stdout.decode()
    for part in ("200\n", "Content-Type: text/html; charset=utf-8", "X-Content-Type-Options: nosniff", "Cache-Control: no-store",
                 "default-src 'none'", "script-src 'sha256-", "style-src 'sha256-", "frame-ancestors 'none'"):
        report.check(f"the answer has {part.strip()}", part in said, said)
    report.check("and lets nothing be run inline", "unsafe" not in said, said)


def pauses_when_hidden(report, page):
    page.browser.value(HIDE % "true")
    before = page.seen()
    report.equal("a hidden page says that it pauses", "Paused", page.browser.value("byId('link-text').textContent"))
    page.browser.value("new Promise((done) => setTimeout(done, 2500)).then(() => 0)")
    report.check("and asks for nothing, but for what was on its way", page.seen() <= before + 2, (before, page.seen()))
    page.browser.value(HIDE % "false")
    report.check("shown again it goes on", page.browser.until("byId('link').dataset.state === 'live'", 5))


def figures_are_right(report, page):
    """When all is well."""
    value = page.browser.value
    report.check("frames arrive at the rate that is sent", page.browser.until(f"Math.abs(history_.recent().frames / {FRAMES_A_SECOND} - 1) < 0.2", 8),
                 value("history_.recent().frames"))
    tiles = value("[...document.querySelectorAll('.tile')].map((each) => each.dataset.state).join()")
    report.check("no question has a bad answer", "bad" not in tiles and tiles.startswith("good,good,good,good"), tiles)
    report.check("no loss is in the flow picture", value("document.querySelectorAll('#flow .band.lost').length === 0"))
    report.check("and bands are", value("document.querySelectorAll('#flow .band').length >= 5"))
    report.check("streams are HTTP/1, and the TLS before", "HTTP/1 requests" in page.text("#mix") and "TLS" in page.text("#mix"),
                 page.text("#mix"))
    report.check("the output's card shows 2xx", "2xx" in page.text("#outputs"), page.text("#outputs"))
    report.equal("the table has each counter", value("Object.keys(counterTable).length"),
                 value("document.querySelectorAll('#ledger tbody tr').length"))
    report.equal("since the start there are as many requests as status.json says",
                 value("history_.last().counters.requests_rebuilt"), value("stages(null, history_.last())[2].on"))
    page.browser.value("document.querySelector('input[value=start]').click()")
    report.check("figures since the start can be had", "since start" in page.text("#http"), page.text("#http"))


def clock_may_be_set(report, page):
    """The host's clock goes back an hour: the page goes on."""
    report.check("a clock that is set back stops nothing", page.browser.value(
        "(() => { const other = new history_.constructor(), last = history_.last();"
        " other.add({...last, uptime_s: 100});"
        " return other.add({...last, uptime_s: 101, now: last.now - 3600}) && other.samples[0].elapsed === 1; })()"))


def main(binary, shots=None):
    if not chromium():
        print("skipped: not installed: chromium")
        return SKIP
    if reason := laboratory.unavailable():
        print(f"skipped: {reason}")
        return SKIP
    report = Report()
    if shots:
        shots = Path(shots)
        shots.mkdir(parents=True, exist_ok=True)
    with Lab() as lab:
        mirror, appliance = lab.host("mirror"), lab.host("appliance")
        lab.cable(mirror, "mirror", appliance, "mirror", mtu=9000)
        appliance.drop_input(4789)
        for host in (mirror, appliance):  # nothing but the sender's frames on that cable
            host.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/mirror/disable_ipv6")
        common = ("run", "--input", "af_packet:mirror", "--workers", 1, "--lock-memory", "never", "--health-listen", "none",
                  "--admin-listen", f"127.0.0.1:{PORT}")
        send = lambda *kind: mirror.start(sys.executable, HERE / "mirror_sender.py", "mirror", FRAMES_A_SECOND, *kind,
                                           stdout=subprocess.DEVNULL)
        browser = lab.cleanup.enter_context(Browser(lab.folder, ("ip", "netns", "exec", appliance.namespace)))
        page = Page(report, browser, shots)

        rebuilder = Rebuilder(appliance, binary, *common, "--output", "http://127.0.0.1:9",
                              "--output", f"jsonl:{lab.folder}/{NAME}")
        page.says("idle", "warning", "No frame has arrived since the start", "UDP 4789")
        for expression, expected in EXPRESSIONS.items():
            report.equal(expression, expected, browser.value(expression))
        headers_are_strict(report, appliance)
        pauses_when_hidden(report, page)
        sender = send()
        page.says("output-down", "error", "The output http://127.0.0.1:9 is down: connection refused.",
                  "a server listens there")
        report.check("a name that looks like HTML is text", NAME in page.text("#outputs"), page.text("#outputs"))
        report.check("and does nothing", browser.value("document.title") != "broken in")
        report.equal("no element comes of it", 0, browser.value("document.images.length"))
        sender.terminate()
        rebuilder.process.kill()
        rebuilder.process.wait()

        server = appliance.start(sys.executable, HERE / "fault_server.py", "healthy", f"127.0.0.1:{OUTPUT_PORT}",
                                 lab.folder / "server.log", stdout=-1)
        server.stdout.readline()
        rebuilder = Rebuilder(appliance, binary, *common, "--output", f"http://127.0.0.1:{OUTPUT_PORT}")
        sender = send("tls")
        page.says("not-http", "error", "Traffic arrives, but it is TLS: 100 % of its streams", "Mirror behind the TLS end")
        sender.terminate()
        sender.wait()
        sender = send()
        page.says("healthy", "fine", "All is well", "requests a second are rebuilt")
        figures_are_right(report, page)
        clock_may_be_set(report, page)
        sender.terminate()
        report.equal("it ends with status 0", 0, rebuilder.stop())
        report.check("and the page says that nobody answers",
                     browser.until(f"{FINDINGS}.includes('no longer answers') && byId('link').textContent.startsWith('Connection lost')", 8),
                     browser.value(FINDINGS))
        if report.failed:
            print(f"--- the rebuilder said:\n{rebuilder.said()}")
    return report.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
