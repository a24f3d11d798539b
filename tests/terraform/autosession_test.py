#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The function of vpc-mirror-autosession, against prepared answers of AWS in the shapes that AWS documents; no network.

    autosession_test.py SOURCE_ROOT [NAME...]
"""

import dataclasses
import http.server
import random
import re
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "system"), str(HERE / "autosession")]
try:
    import boto3
    from botocore.exceptions import ClientError
except ImportError:
    print("skipped: python3-boto3 is not installed")
    sys.exit(77)
from aws import SHAPES, Aws, Context, created, event, instance, interface, session, shape  # noqa: E402
from report import Report  # noqa: E402

MODULE = Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parent.parent, "scripts/terraform/modules/vpc-mirror-autosession")
sys.path.insert(0, str(MODULE / "lambda"))
sys.dont_write_bytecode = True
import autosession  # noqa: E402
import plan as decisions  # noqa: E402

report = Report()
A = "i-0000000000000000a"
THEIRS = {"Name": "another tool"}
OTHER_TARGET = {"TrafficMirrorTargetId": "tmt-0bbbbbbbbbbbbbbbb"}


def counts(summary, **expected):
    """Says whether these members of a summary are so, and no interface was skipped or failed otherwise."""
    expected = {"skipped": {}, "failed": {}, "left": 0, "stopped_by": None, **expected}
    found = {name: summary[name] for name in expected} if isinstance(summary, dict) else summary
    report.equal(counts.case, expected, found)


def raised(result, what):
    report.check(f"{counts.case}: raises {what.__name__}", isinstance(result, what), result)


def start():
    aws = Aws().instances(instance(), asked=A).sessions(interfaces="a").members("10.0.9.9").creates()
    summary, line = aws.run(autosession, event())
    counts(summary, wanted=1, present=1, created=1, deleted=0)
    report.equal("start: an event says nothing about the whole", [], [name for name in line if name in (
        "SessionsWanted", "SessionsPresent", "SessionsMissing")])


def stop():
    aws = Aws().instances(instance(state="stopped"), asked=A)
    aws.sessions(session(), session(name="b", tags=THEIRS, SessionNumber=2), interfaces="a").deletes()
    counts(aws.run(autosession, event(state="stopped"))[0], wanted=0, present=0, created=0, deleted=1)


def terminated():
    """AWS deletes the sessions of an interface with it. One that outlives its instance is found by its description."""
    aws = Aws().instances(instance(state="terminated", interfaces=[], VpcId=""), asked=A)
    aws.sessions(session(), description=f"shop: {A}").deletes()
    counts(aws.run(autosession, event(state="terminated"))[0], deleted=1)
    aws = Aws().instances(asked=A).sessions(description=f"shop: {A}")
    counts(aws.run(autosession, event(state="terminated"))[0], deleted=0)


def duplicate_event():
    aws = Aws().instances(instance(), asked=A).sessions(session(), interfaces="a").members()
    counts(aws.run(autosession, event())[0], wanted=1, present=1, created=0, deleted=0)
    tokens = []
    for again in (event(), event(), event(id="another")):  # the session isn't visible yet
        aws = Aws().instances(instance(), asked=A).sessions(interfaces="a").creates()
        aws.run(autosession, again)
        tokens += aws.tokens
    report.check("duplicate_event: the same event gives the same token", tokens[0] == tokens[1], tokens)
    report.check("duplicate_event: another event gives another", tokens[1] != tokens[2], tokens)
    report.check("duplicate_event: as long as AWS allows", all(len(token) <= 64 for token in tokens), tokens)


def out_of_order():
    for state in ("terminated", "shutting-down", "stopped"):  # and then comes the event that says it runs
        gone = instance(state=state, interfaces=[] if state == "terminated" else None)
        aws = Aws().instances(gone, asked=A)
        aws.sessions(description=f"shop: {A}") if state == "terminated" else aws.sessions(interfaces="a")
        summary, _ = aws.run(autosession, event())
        counts(summary, wanted=0, created=0, skipped={"not_running": 1} if state == "shutting-down" else {})
    aws = Aws().instances(instance(), asked=A).sessions(session(), interfaces="a").members()  # stopped, started again
    counts(aws.run(autosession, event(state="stopped"))[0], present=1, deleted=0)


def appears_late():
    waits = []
    autosession.sleep = waits.append
    aws = Aws().instances(asked=A).instances(instance(state="pending"), asked=A).instances(instance(), asked=A)
    counts(aws.sessions(interfaces="a").members().creates().run(autosession, event())[0], created=1)
    report.equal("appears_late: waits", [1, 2], waits)
    aws = Aws()
    for _ in range(4):
        aws.instances(asked=A)
    counts(aws.sessions(description=f"shop: {A}").run(autosession, event())[0], wanted=0, created=0)
    report.equal("appears_late: and not for ever", [1, 2, 1, 2, 4], waits)
    autosession.sleep = time.sleep


def in_transition():
    found = [instance(letter, state) for letter, state in zip("bcd", ("pending", "stopping", "shutting-down"))]
    aws = Aws().instances(*found).sessions(session("c", "c"), session("e", "e")).deletes("e")
    counts(aws.run(autosession, shape("scheduled"))[0], created=0, deleted=1, skipped={"not_running": 3})


def pagination():
    aws = Aws().instances(instance("a"), more="p2").instances(instance("b"), token="p2", more="p3")
    aws.instances(instance("c"), token="p3").sessions(session("a"), more="s2").sessions(session("c", "c"), token="s2")
    summary, line = aws.members().creates("b").run(autosession, shape("scheduled"))
    counts(summary, wanted=3, present=3, created=1, deleted=0)
    report.equal("pagination: metrics", (3, 3, 0, 0), tuple(line[f"Sessions{name}"] for name in (
        "Wanted", "Present", "Missing", "Failed")))


def unsupported():
    for code in ("UnsupportedOperation", "InvalidParameterValue", "InvalidNetworkInterface.NotSupported"):
        autosession.memory.__init__()
        aws = Aws().instances(instance("a"), instance("b")).sessions().members()
        aws.refuses(code, "The instance type is not supported.").creates("b")
        summary, line = aws.run(autosession, shape("scheduled"))
        counts(summary, wanted=2, present=1, created=1, skipped={"unsupported": 1})
        report.equal("unsupported: the log says why", [{"of": "eni-0000000000000000a", "code": code,
                     "message": "The instance type is not supported."}], line["samples"])
        report.equal("unsupported: counts as missing, not as failed", (1, 0), (line["SessionsMissing"], line["SessionsFailed"]))
    aws = Aws().instances(instance("a")).sessions()
    counts(aws.run(autosession, shape("scheduled"))[0], created=0, skipped={"unsupported": 1})
    autosession.memory.unsupported["eni-0000000000000000a"] -= 3601
    aws = Aws().instances(instance("a")).sessions().creates()
    counts(aws.run(autosession, shape("scheduled"))[0], created=1)


def quota():
    for code in ("TrafficMirrorSessionLimitExceeded", "TrafficMirrorSourcesPerTargetLimitExceeded"):
        autosession.memory.__init__()
        aws = Aws().instances(*map(instance, "abc")).sessions(session("d", "d")).members()
        summary, line = aws.deletes("d").creates("a").refuses(code, letter="b").run(autosession, shape("scheduled"))
        counts(summary, created=1, deleted=1, failed={"quota": 1}, left=1, stopped_by="quota")
        report.equal("quota: alarms", 2, line["SessionsFailed"])
    aws = Aws().instances(instance(), asked=A).sessions(interfaces="a").refuses(code)
    counts(aws.run(autosession, event())[0], failed={"quota": 1}, stopped_by="quota")  # another try wouldn't help


def throttled():
    for code in ("RequestLimitExceeded", "Throttling"):
        autosession.memory.__init__()
        aws = Aws().instances(*map(instance, "abc")).sessions().members().creates("a").refuses(code, letter="b")
        summary, line = aws.run(autosession, shape("scheduled"))
        counts(summary, created=1, failed={"throttled": 1}, left=1, stopped_by="throttled")
        report.equal("throttled: alarms if it stays", 2, line["SessionsFailed"])
    aws = Aws().instances(instance(), asked=A).sessions(interfaces="a").refuses("RequestLimitExceeded")
    raised(aws.run(autosession, event())[0], autosession.Incomplete)
    aws = Aws().error("describe_instances", "RequestLimitExceeded")
    result, line = aws.run(autosession, shape("scheduled"))
    raised(result, ClientError)
    report.equal("throttled: deletes nothing that it can't see", {"throttled": 1}, line["failed"])


class Throttling(http.server.BaseHTTPRequestHandler):
    """An EC2 that is always busy, on the loopback interface."""
    asked = 0

    def do_POST(self):
        type(self).asked += 1
        body = (b'<?xml version="1.0"?><Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Request limit '
                b"exceeded.</Message></Error></Errors><RequestID>0</RequestID></Response>")
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def throttled_by_a_server():
    """How often botocore itself asks: often enough to get through a burst, and not for longer than the reserve."""
    server = http.server.HTTPServer(("127.0.0.1", 0), Throttling)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ec2 = boto3.client("ec2", config=autosession.CLIENT, endpoint_url=f"http://127.0.0.1:{server.server_port}")
    begun = time.monotonic()
    try:
        ec2.create_traffic_mirror_session(**created(ClientToken="same"))
        code = None
    except ClientError as error:
        code = error.response["Error"]["Code"]
    took = time.monotonic() - begun
    server.shutdown()
    report.equal("throttled_by_a_server: attempts", ("RequestLimitExceeded", 4), (code, Throttling.asked))
    report.check("throttled_by_a_server: ends within the reserve", 1000 * took < autosession.RESERVE_MS, took)
    worst = 4 * (ec2.meta.config.connect_timeout + ec2.meta.config.read_timeout) + 1 + 2 + 4
    report.check("throttled_by_a_server: without answers, too", 1000 * worst <= autosession.RESERVE_MS, worst)


def gone():
    for code in ("InvalidNetworkInterfaceID.NotFound", "InvalidNetworkInterfaceId.NotFound"):
        autosession.memory.__init__()
        aws = Aws().instances(*map(instance, "ab")).sessions().members().refuses(code).creates("b")
        counts(aws.run(autosession, shape("scheduled"))[0], created=1, skipped={"gone": 1})
    aws = Aws().instances().sessions(session("c", "c"), session("d", "d"))
    aws.error("delete_traffic_mirror_session", "InvalidTrafficMirrorSessionId.NotFound").deletes("d")
    counts(aws.run(autosession, shape("scheduled"))[0], deleted=1, skipped={"gone": 1})


def number_taken():
    others = [session(name="b", tags=THEIRS, **OTHER_TARGET), session(name="c", tags=THEIRS, SessionNumber=2, **OTHER_TARGET)]
    aws = Aws().instances(instance(), asked=A).sessions(*others, interfaces="a").members().creates(number=3)
    counts(aws.run(autosession, event())[0], created=1, deleted=0, shared=1)
    refusal = ("InvalidParameterValue", "The session number 1 is already in use for the network interface.")
    aws = Aws().instances(instance(), asked=A).sessions(interfaces="a").refuses(*refusal)  # by one that isn't shown to us
    counts(aws.sessions(interfaces="a").creates(number=2).run(autosession, event())[0], created=1)
    aws = Aws().instances(instance(), asked=A).sessions(interfaces="a").refuses(*refusal).sessions(session(), interfaces="a")
    counts(aws.run(autosession, event())[0], created=0, present=1, skipped={"created_meanwhile": 1})
    aws = Aws().instances(instance(), asked=A).sessions(interfaces="a")
    for number in range(1, 5):
        aws.refuses(*refusal, number=number).sessions(interfaces="a")
    counts(aws.run(autosession, event())[0], created=0, skipped={"number_taken": 1})
    taken = [session(name="b", tags=THEIRS, SessionNumber=32766, **OTHER_TARGET)]
    aws = Aws().instances(instance(), asked=A).sessions(*taken, interfaces="a")
    counts(aws.run(autosession, event(), session_number=32766)[0], created=0, skipped={"number_taken": 1})


def interface_full():
    others = [session(name=str(number), tags=THEIRS, SessionNumber=number, **OTHER_TARGET) for number in (7, 8, 9)]
    aws = Aws().instances(instance()).sessions(*others).members()
    counts(aws.run(autosession, shape("scheduled"))[0], created=0, deleted=0, skipped={"interface_full": 1})
    aws = Aws().instances(instance()).sessions().refuses("TrafficMirrorSessionsPerInterfaceLimitExceeded")
    counts(aws.run(autosession, shape("scheduled"))[0], created=0, skipped={"interface_full": 1})


def others_untouched():
    """Neither the static module's sessions nor those of another deployment are deleted, nor doubled."""
    foreign = [session("a", "1", tags=THEIRS), session("b", "2", tags={"RebuilderAutosession": "blog"}, **OTHER_TARGET),
               session("x", "3", tags=THEIRS), session("y", "4", tags={"RebuilderAutosession": "blog"}),
               session("z", "5", tags={}), session("a", "6", tags=THEIRS, SessionNumber=2, **OTHER_TARGET)]
    aws = Aws().instances(*map(instance, "ab")).sessions(*foreign).members().creates("b", 2)
    summary, _ = aws.run(autosession, shape("scheduled"))
    counts(summary, wanted=2, present=2, created=1, deleted=0, shared=2, skipped={"mirrored_by_other": 1})
    counts(Aws().sessions(*foreign).run(autosession, {"remove_all": True})[0], deleted=0)


def excluded():
    group = [{"GroupName": "rebuilder", "GroupId": "sg-0fffffffffffffff0"}]
    found = [instance("a", interfaces=[interface("f")]), instance("b", interfaces=[interface("b", Groups=group)]),
             instance("c", InstanceType="t2.micro"), instance("d", interfaces=[interface("d", InterfaceType="efa")]),
             instance("e", interfaces=[interface("e", PrivateIpAddress="", PrivateIpAddresses=[])]),
             instance("7", interfaces=[interface("7"), interface("8", 1, PrivateIpAddresses=[
                 {"Primary": True, "PrivateIpAddress": "10.0.9.9"}])]),
             instance("9"), instance("6", VpcId="vpc-0bbbbbbbbbbbbbbbb"), instance("5", tags={"Name": "db"})]
    aws = Aws().instances(*found).sessions(session("b", "b")).members("10.0.9.9", "i-00000000000000009").deletes("b")
    summary, _ = aws.run(autosession, shape("scheduled"))
    counts(summary, wanted=0, created=0, deleted=1, skipped={
        "excluded_interface": 1, "excluded_security_group": 1, "excluded_instance_type": 1, "interface_type": 1,
        "no_ipv4": 1, "mirror_target": 2})
    report.equal("excluded: the target's own interface, if it is one", True, decisions.receives_mirror(
        instance("a"), {"eni-0000000000000000a"}))


def chosen():
    tags = ({"aws:autoscaling:groupName": "web"}, {"eks:cluster-name": "prod"}, {"aws:eks:cluster-name": "prod"},
            {"kubernetes.io/cluster/prod": "owned"}, {"mirror": "yes", "tier": "web", "more": "1"})
    no_tags = ({}, {"mirror": "yes"}, {"aws:autoscaling:groupName": "webs"}, {"eks:cluster-name": "test"},
               {"mirror": "yes", "tier": "db"}, {"kubernetes.io/cluster/test": "owned"})
    config = decisions.Config(**SHAPES["config"])
    report.equal("chosen: by group, cluster or all tags", [True] * 5 + [False] * 6,
                 [decisions.selected(instance(tags=each), config) for each in tags + no_tags])
    nothing = dataclasses.replace(config, asg_names=[], eks_cluster_names=[], instance_tags={})
    report.equal("chosen: no list chooses nothing", False, any(decisions.selected(instance(tags=each), nothing)
                                                               for each in tags + no_tags))
    several = instance(interfaces=[interface("b", 1), interface("a", 0), interface("c", 0, card=1)])
    for which, expected in (("primary", "a"), ("all", "bac")):
        found = decisions.candidates(several, dataclasses.replace(config, interfaces=which))
        report.equal(f"chosen: {which} interfaces", expected, "".join(each["NetworkInterfaceId"][-1] for each in found))


def members_remembered():
    aws = Aws().instances(instance()).sessions(session()).members("10.0.9.9")
    aws.run(autosession, shape("scheduled"))
    aws = Aws().instances(instance()).sessions(session())
    counts(aws.run(autosession, shape("scheduled"))[0], present=1)
    autosession.memory.members_until -= 301
    aws = Aws().instances(instance()).sessions(session()).members(A)
    counts(aws.deletes().run(autosession, shape("scheduled"))[0], deleted=1, skipped={"mirror_target": 1})
    autosession.memory.__init__()
    aws = Aws().instances(instance()).sessions(session())
    aws.answer("describe_traffic_mirror_targets", {"TrafficMirrorTargets": [shape("target")]}, TrafficMirrorTargetIds=[
        "tmt-0aaaaaaaaaaaaaaaa"]).error("describe_target_groups", "LoadBalancerNotFound", service="elbv2")
    counts(aws.run(autosession, shape("scheduled"))[0], present=1)  # another account's


def time_running_out():
    aws = Aws().instances(*map(instance, "abcd")).sessions().members().creates("a").creates("b")
    summary, line = aws.run(autosession, shape("scheduled"), Context(100, 46, 44))
    counts(summary, created=2, left=2, stopped_by="time")
    report.equal("time_running_out: the rest is seen", (2, 2), (line["SessionsMissing"], line["SessionsFailed"]))
    aws = Aws().instances(instance(), asked=A).sessions(interfaces="a")
    raised(aws.run(autosession, event(), Context(44))[0], autosession.Incomplete)


def failing_go_last():
    """One interface that always fails takes no other's turn; when all do, the run ends early."""
    autosession.memory.failed.add("eni-0000000000000000a")
    aws = Aws().instances(*map(instance, "abc")).sessions().members().creates("b").creates("c").refuses("Odd", letter="a")
    counts(aws.run(autosession, shape("scheduled"))[0], created=2, failed={"error": 1})
    aws = Aws().instances(*map(instance, "0123456789ab")).sessions()
    for letter in "0123456789":
        aws.refuses("UnauthorizedOperation", letter=letter)
    counts(aws.run(autosession, shape("scheduled"))[0], failed={"denied": 10}, left=2, stopped_by="too_many_failures")
    report.equal("failing_go_last: remembered", 11, len(autosession.memory.failed))


def configuration_changed():
    """A session of an earlier configuration gives way to one of today's, on the same number; a double one goes."""
    for changed in ({"TrafficMirrorFilterId": "tmf-0bbbbbbbbbbbbbbbb"}, OTHER_TARGET, {"VirtualNetworkId": 7},
                    {"PacketLength": 100}, {"SessionNumber": 40}):
        autosession.memory.__init__()
        aws = Aws().instances(instance()).sessions(session(**changed)).members().deletes().creates()
        counts(aws.run(autosession, shape("scheduled"))[0], created=1, deleted=1, present=1)
    aws = Aws().instances(instance()).sessions(session(name="b", SessionNumber=2), session(name="a")).deletes("b")
    counts(aws.run(autosession, shape("scheduled"))[0], created=0, deleted=1, present=1)
    aws = Aws().instances(instance()).sessions(session(VirtualNetworkId=7))
    aws.error("delete_traffic_mirror_session", "InvalidTrafficMirrorSessionId.NotFound").creates()
    counts(aws.run(autosession, shape("scheduled"))[0], created=1, skipped={"gone": 1})
    aws = Aws().instances(instance()).sessions(session(VirtualNetworkId=7))
    aws.error("delete_traffic_mirror_session", "UnauthorizedOperation")  # and then no second session is made
    counts(aws.run(autosession, shape("scheduled"))[0], created=0, deleted=0, failed={"denied": 1})


def dry_run():
    found = Aws().instances(*map(instance, "ab")).sessions(session("c", "c"), session("b", "b")).members()
    result, line = found.run(autosession, {"dry_run": True})
    counts(result, wanted=2, present=1, created=0, deleted=0)
    report.equal("dry_run: what it would do", (["tms-0000000000000000c"], [
        {"interface": "eni-0000000000000000a", "instance": A, "number": 1}]), (result["would_delete"], result["would_create"]))
    report.check("dry_run: no metrics", "_aws" not in line, line)
    result, _ = Aws().instances(instance(), asked=A).sessions(interfaces="a").run(
        autosession, {"dry_run": True, "instance_id": A})
    report.equal("dry_run: of one instance", 1, len(result["would_create"]))


def removal():
    for request in ({"remove_all": True}, {"config": "0", "tf": {"action": "delete", "prev_input": None}}):
        aws = Aws().sessions(session("a"), session("b", "b", tags=THEIRS), session("c", "c")).deletes("a").deletes("c")
        counts(aws.run(autosession, request)[0], deleted=2)
    aws = Aws().sessions(session("a")).error("delete_traffic_mirror_session", "RequestLimitExceeded")
    raised(aws.run(autosession, request)[0], autosession.Incomplete)
    raised(Aws().sessions(session("a")).run(autosession, request, Context(10))[0], autosession.Incomplete)
    counts(Aws().instances().sessions().run(autosession, shape("terraform"))[0], run="all", deleted=0)
    aws = Aws().error("describe_instances", "UnauthorizedOperation")  # rights of a new role take a while
    report.equal("removal: apply goes on", None, aws.run(autosession, shape("terraform"))[0])


def bad_input():
    for wrong in (event("'; drop"), {"instance_id": "web"}):
        raised(Aws().run(autosession, wrong)[0], ValueError)
    counts(Aws().instances().sessions().run(autosession, None)[0], run="all")


def log_line():
    _, line = Aws().instances(instance()).sessions(session()).members().run(autosession, shape("scheduled"))
    directive, = line["_aws"]["CloudWatchMetrics"]
    names = [metric["Name"] for metric in directive["Metrics"]]
    report.equal("log_line: where the metrics go", ("Rebuilder", [["AppName"]], "shop"), (
        directive["Namespace"], directive["Dimensions"], line["AppName"]))
    report.check("log_line: every metric is a number in it", all(isinstance(line.get(name), int) for name in names), line)
    report.check("log_line: in milliseconds of now", abs(line["_aws"]["Timestamp"] / 1000 - time.time()) < 60, line)
    alarms = (MODULE / "alarms.tf").read_text()
    report.equal("log_line: alarms are about these metrics", [], [
        name for name in re.findall(r'metric_name\s+= "(\w+)"', alarms) if name not in names])


def any_state():
    """After what is planned is done, nothing is left to do, every wanted interface that has room has one session to the
    target, and others' sessions are as they were."""
    config = decisions.Config(**SHAPES["config"])
    chance = random.Random(8)
    wrong = []
    for _ in range(2000):
        letters = chance.sample("0123456789abcdef", 6)
        wanted = {f"eni-0000000000000000{each}": f"i-0000000000000000{each}" for each in letters[:3]}
        have = [session(letter, str(number), SessionNumber=number, **chance.choice(({}, {"tags": THEIRS})),
                        **chance.choice(({}, OTHER_TARGET, {"VirtualNetworkId": 9})))
                for letter in letters[:4] for number in chance.sample(range(1, 13), chance.randrange(4))]
        for number, each in enumerate(have):
            each["TrafficMirrorSessionId"] = f"tms-{number}"
        todo = decisions.plan(wanted, {f"eni-0000000000000000{letters[4]}"}, have, config)
        dead = set(todo.delete) | {name for step in todo.create for name in step.replaces}
        after = [each for each in have if each["TrafficMirrorSessionId"] not in dead] + [
            session(step.interface[-1], SessionNumber=step.number) for step in todo.create]
        again = decisions.plan(wanted, set(), after, config)
        foreign = [each for each in have if not decisions.owned(each, config)]
        many = [each for each in wanted if sum(s["NetworkInterfaceId"] == each for s in after) > 3]
        if (again.create or again.delete or any(each not in after for each in foreign) or many
                or again.present + again.skipped["interface_full"] + again.skipped["number_taken"] != len(wanted)):
            wrong.append((wanted, have, todo))
    report.equal("any_state", [], wrong[:1])


def same_as_terraform():
    """What both sides have to know is the same: names of the configuration, tag, rights, time that is kept."""
    main, rights = (MODULE / "main.tf").read_text(), (MODULE / "iam.tf").read_text()
    block = re.search(r"config = jsonencode\(\{(.*?)\}\)", main, re.DOTALL)[1]
    report.equal("same_as_terraform: the configuration", {each.name for each in dataclasses.fields(decisions.Config)},
                 {name for name, variable in re.findall(r"(\w+)\s+= var\.(\w+)", block) if name == variable})
    report.check("same_as_terraform: the tag", f'owner_tag = "{decisions.OWNER_TAG}"' in main)
    allowed = set(re.findall(r'"((?:ec2|elasticloadbalancing):[A-Z]\w+)"', rights))
    report.equal("same_as_terraform: the rights are those that it uses", Aws.operations | {"ec2:CreateTags"}, {
        each for each in allowed if each not in ("ec2:Vpc", "ec2:CreateAction")})
    report.check("same_as_terraform: the reserve is told", f"last {autosession.RESERVE_MS // 1000} seconds" in (
        MODULE / "variables.tf").read_text())


CASES = (start, stop, terminated, duplicate_event, out_of_order, appears_late, in_transition, pagination, unsupported, quota,
         throttled, throttled_by_a_server, gone, number_taken, interface_full, others_untouched, excluded, chosen,
         members_remembered, time_running_out, failing_go_last, configuration_changed, dry_run, removal, bad_input, log_line,
         any_state, same_as_terraform)


def main(names):
    unknown = set(names) - {case.__name__ for case in CASES}
    if unknown:
        sys.exit(f"autosession_test: no case '{min(unknown)}'")
    for case in CASES:
        if not names or case.__name__ in names:
            counts.case = case.__name__
            autosession.memory.__init__()
            try:
                case()
            except Exception as error:  # the other cases are told, too
                report.check(case.__name__, False, f"{type(error).__name__}: {error}")
    return report.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:]) if len(sys.argv) > 1 else __doc__.strip())
