#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The image's agent against an IMDS, an AWS API and a rebuilder: what it publishes and signs, as AWS's own SDK would have
it, and how it drains an instance that is to end.

    agent_test.py REBUILDER SOURCE_ROOT
"""

import http.server
import importlib.machinery
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

from alb import free_port
from http_answers import Answering, running
from imds_server import serving
from lab import wait_until
from program import SKIP
from report import Report

CREDENTIALS = {"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "a/secret+of=this test", "Token": "a/session+token=="}
META = {
    "placement/region": "eu-central-1",
    "services/domain": "amazonaws.com",
    "instance-id": "i-0123456789abcdef0",
    "tags/instance/aws:autoscaling:groupName": "rebuild & more",
    "iam/security-credentials/": "rebuilder",
    "iam/security-credentials/rebuilder": json.dumps(CREDENTIALS),
    "autoscaling/target-lifecycle-state": "InService",
}


class Handler(Answering):
    def do_GET(self):
        self.answer(*self.server.get())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls.append((time.monotonic(), dict(self.headers.items()), body))
        self.answer(*self.server.post())

def server(get=lambda: (404, b""), post=lambda: (200, b"<ok/>")):
    """`calls` has what was posted: when, its fields, its body."""
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.get, made.post, made.calls = get, post, []
    made.url = f"http://127.0.0.1:{made.server_port}"
    return running(made)


def parameters_of(call):
    return dict(urllib.parse.parse_qsl(call[2].decode(), strict_parsing=True))


def signature_by_sdk(url, service, call):
    """The Authorization that AWS's SDK gives the same request."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    _, fields, body = call
    fields = {name.lower(): value for name, value in fields.items()}
    auth = SigV4Auth(Credentials(CREDENTIALS["AccessKeyId"], CREDENTIALS["SecretAccessKey"], CREDENTIALS["Token"]), service,
                     "eu-central-1")
    request = AWSRequest("POST", f"{url}/", data=body, headers={
        name: fields[name] for name in ("content-type", "host", "x-amz-date", "x-amz-security-token")})
    request.context["timestamp"] = fields["x-amz-date"]
    canonical = auth.canonical_request(request)
    auth._inject_signature_to_request(request, auth.signature(auth.string_to_sign(request, canonical), request))
    return request.headers["Authorization"]


def form_by_sdk(service, action, parameters):
    """The body that AWS's SDK makes of a call, which it checks against AWS's description of the API."""
    import botocore.serialize
    import botocore.session
    import botocore.validate
    model = botocore.session.get_session().get_service_model(service).operation_model(action)
    report = botocore.validate.ParamValidator().validate(parameters, model.input_shape)
    assert not report.has_errors(), report.generate_report()
    body = botocore.serialize.create_serializer("query").serialize_to_request(parameters, model)["body"]
    return {name: str(value) for name, value in body.items()}


class Run:
    """The agent as a process."""

    def __init__(self, root, imds, admin, api, *options):
        self.process = subprocess.Popen(
            [root / "scripts/ami/agent", "--imds", imds, "--admin", admin, "--api", f"{api}/", *map(str, options)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | {"http_proxy": "http://192.0.2.1:9"})

    def end(self, seconds=20):
        try:
            return self.process.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            return f"it did not end: {self.process.communicate()[0]}"


def publishes(report, rebuilder, root):
    """A real rebuilder whose frames never stop."""
    admin = free_port()
    with tempfile.TemporaryDirectory() as folder, serving(meta=META) as imds, server() as api:
        running = subprocess.Popen(
            [rebuilder, "run", "--input", "vdev:net_null0", "--output", "null", "--health-listen", "none", "--idle-sleep", "1ms",
             "--admin-listen", f"127.0.0.1:{admin}", "--buffers", "4M", "--held", "1M", "--max-flows", "1024", "--", "--no-huge",
             "-m", "256", "--no-pci", "--no-shconf"], stderr=Path(folder, "said").open("wb"))
        try:
            wait_until(lambda: "ready" in Path(folder, "said").read_text(), 20, "ready")
            said = Run(root, imds.url, f"http://127.0.0.1:{admin}", api.url, "--period", 1, "--once").end()
        finally:
            running.terminate()
            running.wait(20)
        report.equal("a whole run says nothing", "", said)
        report.equal("it publishes once", 1, len(api.calls))
        call = api.calls[0]
        sent = parameters_of(call)
        names = [sent[key] for key in sent if key.endswith(".MetricName")]
        known = {"Frames", "FramesMissed", "Requests", "RequestsLost", "RequestsShed", "RequestsFailed", "TcpGaps", "QueuePercent"}
        report.check("with all that alarms and dashboard ask for", known <= set(names), names)
        expected = form_by_sdk("cloudwatch", "PutMetricData", {
            "Namespace": "Rebuilder",
            "MetricData": [{"MetricName": name, "Value": float(sent[f"MetricData.member.{at}.Value"]),
                            "Unit": sent[f"MetricData.member.{at}.Unit"],
                            "Dimensions": [{"Name": "AutoScalingGroupName", "Value": "rebuild & more"}]}
                           for at, name in enumerate(names, 1)]})
        for key in expected:
            if key.endswith(".Value") and "Dimensions" not in key:
                expected[key], sent[key] = float(expected[key]), float(sent[key])
        report.equal("the call is the SDK's", expected, sent)
        report.equal("and so is its signature", signature_by_sdk(api.url, "monitoring", call), call[1]["Authorization"])


def asked_for(report, root, names):
    """No alarm and no graph asks for what nobody publishes."""
    module = root / "scripts/terraform/modules/vpc-mirror-rebuild"
    asked = set(re.findall(r'metric\s+= "(\w+)"', (module / "alarms.tf").read_text())) - {"HealthyHostCount", "UnHealthyHostCount"}
    asked |= set(re.findall(r'\["[^"]+", "(\w+)", "\w+"\]', (module / "dashboard.tf").read_text()))
    report.check(f"what alarms and dashboard ask for is published: {len(asked)} figures", asked and asked <= names, asked - names)


def agent_module(root):
    sys.path.insert(0, str(root / "scripts/ami"))
    loader = importlib.machinery.SourceFileLoader("agent", str(root / "scripts/ami/agent"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("agent", loader))
    loader.exec_module(module)
    return module


def status(uptime, frames, **counters):
    own = {"frames": frames, "frame_not_tunnel": 0, "tcp_gaps": 0, "tcp_truncated_segments": 0, "requests_started": 0, "requests_lost_to_gap": 0,
           "requests_rebuilt": 0} | counters
    return {"uptime_s": uptime, "counters": own, "ports": [{"missed": frames // 100, "no_buffers": 1}],
            "outputs": [{"waiting": 1, "waiting_most": 4, "counters": {"shed_queue_full": frames // 10, "answered_2xx": 5}},
                        {"waiting": 3, "waiting_most": 4, "counters": {"failed_timeout": 7, "handed_off": 9}}]}


def differences(report, root):
    agent = agent_module(root)
    before = agent.Look(status(10, 1000, requests_started=100, requests_lost_to_gap=1))
    found = {name: value for name, value, _ in agent.figures(before, agent.Look(status(
        70, 1500, requests_started=200, requests_lost_to_gap=6, requests_lost_to_close=2, frame_not_tunnel=100)))}
    for name, expected in {"Frames": 400, "FramesMissed": 5, "RequestsShed": 50, "RequestsFailed": 0, "RequestsLost": 7,
                           "RequestsLostToGaps": 5, "LostToGapsPercent": 5, "QueuePercent": 75}.items():
        report.equal(f"in between: {name}", expected, found.get(name))
    found = {name: value for name, value, _ in agent.figures(before, agent.Look(status(3, 200)))}
    report.equal("a restart begins at nought", (200, 7), (found["Frames"], found["RequestsFailed"]))
    found = {name: value for name, value, _ in agent.figures(before, agent.Look(status(55, 200)))}
    report.equal("also of one that is older by now", (200, 7), (found["Frames"], found["RequestsFailed"]))
    report.check("no share of no requests", "LostToGapsPercent" not in found)
    asked_for(report, root, {name for name, _, _ in agent.figures(before, agent.Look(status(70, 1, requests_started=101)))})


def drains(report, root):
    meta = META.copy()
    begin = time.monotonic()
    frames_until, refusals = 3.0, [1]

    def look():
        now = min(time.monotonic() - begin, frames_until)
        return 200, json.dumps(status(now, int(1000 * now))).encode()

    def answer():
        # The first time, the API has too much to do.
        if api.calls and b"CompleteLifecycleAction" in api.calls[-1][2] and refusals:
            refusals.pop()
            return 400, b"<Code>Throttling</Code>\n <Message>Rate exceeded</Message>"
        return 200, b""

    with tempfile.TemporaryDirectory() as folder, serving(meta=meta) as imds, server(get=look) as admin, server(post=answer) as api:
        stopped = Path(folder, "stopped")
        systemctl = Path(folder, "systemctl")
        systemctl.write_text(f'#!/bin/sh\necho "$@" >>{stopped}\n')
        systemctl.chmod(0o755)
        run = Run(root, imds.url, admin.url, api.url, "--period", 1, "--quiet", 1.5, "--systemctl", systemctl)
        time.sleep(1.3)
        report.check("in service, nothing is stopped", not stopped.exists() and run.process.poll() is None)
        imds.meta["autoscaling/target-lifecycle-state"] = "Terminated"
        said = run.end()
        report.equal("it ends by itself", 0, run.process.returncode)
        at = stopped.stat().st_mtime - (time.time() - time.monotonic()) - begin if stopped.exists() else -1
        report.check("the service is stopped once frames have ceased for a while", at >= frames_until + 1.4, f"{at} {said}")
        report.check("and not anything else", set(stopped.read_text().splitlines()) == {"stop rebuilder.service"}, said)
        done = [call for call in api.calls if b"CompleteLifecycleAction" in call[2]]
        report.equal("a refused call is made again, an accepted one isn't", 2, len(done))
        report.check("the refusal is said, with its reason", "Throttling" in said and "Rate exceeded" in said, said)
        report.check("no secret is said", "secret" not in said and "session" not in said, said)
        expected = form_by_sdk("autoscaling", "CompleteLifecycleAction", {
            "AutoScalingGroupName": "rebuild & more", "InstanceId": "i-0123456789abcdef0", "LifecycleHookName": "rebuilder-drain",
            "LifecycleActionResult": "CONTINUE"})
        report.equal("the call is the SDK's", expected, parameters_of(done[-1]))
        report.equal("and so is its signature", signature_by_sdk(api.url, "autoscaling", done[-1]), done[-1][1]["Authorization"])


def without(report, root):
    """What may be missing, and what is said then."""
    nobody = f"http://127.0.0.1:{free_port()}"
    with server() as api:
        meta = {key: value for key, value in META.items() if not key.startswith("tags")}
        with serving(meta=meta) as imds, server(get=lambda: (200, json.dumps(status(9, 9)).encode())) as admin:
            said = Run(root, imds.url, admin.url, api.url, "--period", 0.4, "--once").end()
            report.check("no group: said, and nothing published", "no Auto Scaling Group" in said and not api.calls, said)
        with serving(meta=META) as imds:
            said = Run(root, imds.url, nobody, api.url, "--period", 0.4, "--once").end()
            report.check("no rebuilder: said once, nothing published", said.count("can't be had") == 1 and not api.calls, said)
        meta = {key: value for key, value in META.items() if not key.startswith("iam")}
        with serving(meta=meta) as imds, server(get=lambda: (200, json.dumps(status(9, 9)).encode())) as admin:
            said = Run(root, imds.url, admin.url, api.url, "--period", 0.4, "--once").end()
            report.check("no role: said", "has no role" in said and not api.calls, said)


def main(rebuilder, root):
    try:
        import botocore  # noqa: F401
    except ImportError:
        print("skipped: not installed: python3-botocore")
        return SKIP
    report, root = Report(), Path(root)
    differences(report, root)
    publishes(report, rebuilder, root)
    drains(report, root)
    without(report, root)
    return report.close()


if __name__ == "__main__":
    sys.exit(main(*map(os.path.abspath, sys.argv[1:3])))
