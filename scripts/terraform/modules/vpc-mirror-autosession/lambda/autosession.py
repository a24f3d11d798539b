# SPDX-License-Identifier: Apache-2.0
"""Keeps the mirror sessions of instances that come and go: a Lambda function, run by EventBridge and by hand.

Every run does the same: it compares the wanted interfaces with the sessions there are, and creates and deletes the difference.
An event narrows it to one instance; the event's own state isn't believed, the instance is asked for. Input of other runs:
    {}                              everything (the schedule does this)
    {"dry_run": true}               what it would do
    {"instance_id": "i-..."}        one instance
    {"remove_all": true}            delete every session that this function made (Terraform does this before it destroys)
One JSON line a run is logged, with the metrics in CloudWatch's embedded metric format.
"""

from collections import Counter
import functools
import hashlib
import json
import os
import re
import time

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError

from plan import OWNER_TAG, DESCRIBED_STATES, PASSING, Config, current, examine, free_number, outcome, owned, plan

# One call, with all its attempts and the waits between, takes at most about 40 s: with less left none is begun.
RESERVE_MS = 45_000
CLIENT = ClientConfig(retries={"mode": "adaptive", "total_max_attempts": 4}, connect_timeout=3, read_timeout=5)
API_ERRORS = (ClientError, BotoCoreError)
PAGE = {"PageSize": 1000}
NUMBERS_ASKED = 4  # session numbers tried for one interface
FAILURES = 10  # one run's failed interfaces, after which it is no longer about the interface
SAMPLES = 5
UNSUPPORTED_FOR = 3600  # seconds until an interface that can't be mirrored is tried again
MEMBERS_FOR = 300
APPEARS_WITHIN = (1, 2, 4)  # waits for an instance of a `running` event that DescribeInstances doesn't show yet
INSTANCE_ID = re.compile(r"i-[0-9a-f]{8,17}")

STATE_CHANGE = "EC2 Instance State-change Notification"


class Incomplete(Exception):
    """Something is left that another try may do: Lambda tries an event again, a person sees it."""


class Memory:
    """What a warm function knows of earlier runs: it saves calls, nothing depends on it."""

    def __init__(self):
        self.unsupported = {}  # interface: when to try again
        self.failed = set()  # interfaces that go last, so that they don't keep others from their turn
        self.members = frozenset()
        self.members_until = 0


memory = Memory()
sleep = time.sleep


@functools.cache
def client(service):
    return boto3.client(service, config=CLIENT)


def pages(service, operation, key, **arguments):
    for page in client(service).get_paginator(operation).paginate(PaginationConfig=PAGE, **arguments):
        yield from page[key]


def one_filter(name, *values):
    return {"Name": name, "Values": list(values)}


def instances_where(*filters):
    return [instance for reservation in pages("ec2", "describe_instances", "Reservations", Filters=list(filters))
            for instance in reservation["Instances"]]


def sessions_where(*filters):
    return list(pages("ec2", "describe_traffic_mirror_sessions", "TrafficMirrorSessions", Filters=list(filters)))


def find_instance(instance_id, expected):
    """The instance, as a list. One that an event calls running may not be shown as such at once."""
    for wait in (*APPEARS_WITHIN, None):
        found = instances_where(one_filter("instance-id", instance_id))
        state = found[0]["State"]["Name"] if found else "missing"
        if not expected or state not in ("missing", "pending") or wait is None:
            return found
        sleep(wait)
    return []


def target_members(config):
    """IDs and addresses of what receives the mirrored traffic; kept for some minutes."""
    if time.time() < memory.members_until:
        return memory.members
    target = client("ec2").describe_traffic_mirror_targets(
        TrafficMirrorTargetIds=[config.target_id])["TrafficMirrorTargets"][0]
    members = {target["NetworkInterfaceId"]} if target.get("NetworkInterfaceId") else set()
    if target.get("NetworkLoadBalancerArn"):
        members |= balanced(target["NetworkLoadBalancerArn"])
    memory.members, memory.members_until = frozenset(members), time.time() + MEMBERS_FOR
    return memory.members


def balanced(load_balancer):
    elb, members = client("elbv2"), set()
    try:
        groups = [group for page in elb.get_paginator("describe_target_groups").paginate(LoadBalancerArn=load_balancer)
                  for group in page["TargetGroups"]]
    except elb.exceptions.LoadBalancerNotFoundException:
        return members  # of another account, and so are its members
    for group in groups:
        health = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        members.update(target["Target"]["Id"] for target in health)
    return members


class Run:
    """One reconciliation: its counts, and when it has to end."""

    def __init__(self, config, request, context):
        self.config, self.request, self.context = config, request, context
        self.created = self.deleted = self.left = 0
        self.skipped, self.failed, self.samples, self.stopped_by = Counter(), Counter(), [], None

    def stop(self, reason):
        self.stopped_by = self.stopped_by or reason

    def may_go_on(self):
        if self.context.get_remaining_time_in_millis() < RESERVE_MS:
            self.stop("time")
        return self.stopped_by is None

    def classify(self, thing, error):
        """(kind, reason) of an error of the API; keeps a few of them for the log."""
        code, message = type(error).__name__, str(error)
        kind, reason = "stop", "unavailable"  # no answer at all
        if isinstance(error, ClientError):
            code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
            kind, reason = outcome(code, message)
        if len(self.samples) < SAMPLES:
            self.samples.append({"of": thing, "code": code, "message": message[:300]})
        return kind, reason

    def count(self, kind, reason):
        if kind == "skip":
            self.skipped[reason] += 1
            return
        self.failed[reason] += 1
        if kind == "stop":
            self.stop(reason)
        elif self.failed.total() >= FAILURES:
            self.stop("too_many_failures")

    def delete(self, session):
        """Whether the session is gone."""
        try:
            client("ec2").delete_traffic_mirror_session(TrafficMirrorSessionId=session)
            self.deleted += 1
            return True
        except API_ERRORS as error:
            kind, reason = self.classify(session, error)
            self.count(kind, reason)
            return reason == "gone"

    def create(self, step):
        if not all([self.delete(session) for session in step.replaces]):
            return
        try:
            kind, reason = self.create_with_free_number(step)
        except API_ERRORS as error:
            kind, reason = self.classify(step.interface, error)
        if kind == "done":
            self.created += 1
            memory.failed.discard(step.interface)
            return
        self.count(kind, reason)
        if reason == "unsupported":
            memory.unsupported[step.interface] = time.time() + UNSUPPORTED_FOR
        if kind == "fail":
            memory.failed.add(step.interface)

    def create_with_free_number(self, step):
        """(kind, reason). If AWS knows of a session that we don't see, looks again, and takes the next number."""
        tried, number = set(step.taken), step.number
        for _ in range(NUMBERS_ASKED):
            try:
                client("ec2").create_traffic_mirror_session(**self.session(step, number))
                return "done", None
            except ClientError as error:
                if outcome(error.response["Error"]["Code"], error.response["Error"].get("Message", ""))[0] != "renumber":
                    raise
            tried.add(number)
            sessions = sessions_where(one_filter("network-interface-id", step.interface))
            if any(owned(session, self.config) and current(session, self.config) for session in sessions):
                return "skip", "created_meanwhile"
            number = free_number(self.config, tried | {session["SessionNumber"] for session in sessions})
            if number is None or not self.may_go_on():
                break
        return "skip", "number_taken"

    def session(self, step, number):
        """The arguments of CreateTrafficMirrorSession. The same event gives the same token, so no second session."""
        config = self.config
        tags = {"Name": config.app_name, **config.tags, OWNER_TAG: config.app_name}
        arguments = {
            "NetworkInterfaceId": step.interface,
            "TrafficMirrorTargetId": config.target_id,
            "TrafficMirrorFilterId": config.filter_id,
            "SessionNumber": number,
            "VirtualNetworkId": config.vxlan_id,
            "PacketLength": config.packet_length,
            "Description": description(config, step.instance),
            "TagSpecifications": [{
                "ResourceType": "traffic-mirror-session",
                "Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())],
            }],
        }
        token = hashlib.sha256(json.dumps([self.request, arguments]).encode()).hexdigest()
        return {**arguments, "ClientToken": token}

    def carry_out(self, todo):
        """Deletes first, as they make room in the quota."""
        steps = [(self.delete, session) for session in todo.delete]
        creates = sorted(todo.create, key=lambda step: step.interface in memory.failed)
        steps += [(self.create, step) for step in creates]
        for position, (act, what) in enumerate(steps):
            if not self.may_go_on():
                self.left = len(steps) - position
                break
            act(what)


def description(config, instance):
    return f"{config.app_name}: {instance}"


def sessions_of_instance(instances, config, instance_id):
    """The sessions of its interfaces; without any left, those that were made for it."""
    interfaces = [interface["NetworkInterfaceId"] for instance in instances
                  for interface in instance.get("NetworkInterfaces", [])]
    if interfaces:
        return sessions_where(one_filter("network-interface-id", *interfaces))
    return sessions_where(one_filter("description", description(config, instance_id)))


def parse(event):
    """(kind of run, instance or None, whether the instance is said to be running)"""
    if event.get("remove_all") or (event.get("tf") or {}).get("action") == "delete":
        return "remove", None, False
    state_change = event.get("detail-type") == STATE_CHANGE
    instance = event["detail"]["instance-id"] if state_change else event.get("instance_id")
    if instance is None:
        return "all", None, False
    if not INSTANCE_ID.fullmatch(instance):
        raise ValueError(f"'{instance}' is no ID of an instance")
    return "instance", instance, state_change and event["detail"]["state"] == "running"


def observe(kind, instance_id, expected, config):
    """What is wanted and what there is: (Examined, sessions)."""
    if kind == "remove":
        return examine([], config), sessions_where()
    if kind == "all":
        instances = instances_where(one_filter("vpc-id", config.vpc_id),
                                    one_filter("instance-state-name", *DESCRIBED_STATES))
        sessions = sessions_where()
    else:
        instances = find_instance(instance_id, expected)
        sessions = sessions_of_instance(instances, config, instance_id)
    found = examine(instances, config)
    if found.wanted:  # most instances of an account aren't ours
        found = examine(instances, config, target_members(config))
    return found, sessions


def leave_unsupported(todo):
    """Takes out of the plan what was refused lately as not supported: asking each time would use up the rate limit."""
    now = time.time()
    memory.unsupported = {interface: until for interface, until in memory.unsupported.items() if until > now}
    possible = [step for step in todo.create if step.interface not in memory.unsupported]
    todo.skipped["unsupported"] += len(todo.create) - len(possible)
    todo.create = possible


def metrics(summary, everything):
    """The members that make CloudWatch count a line. Of one instance nothing can be said about the whole."""
    values = {"SessionsCreated": summary["created"], "SessionsDeleted": summary["deleted"],
              "SessionsFailed": sum(summary["failed"].values()) + summary["left"]}
    if everything:
        values |= {"SessionsWanted": summary["wanted"], "SessionsPresent": summary["present"],
                   "SessionsMissing": summary["wanted"] - summary["present"]}
    directive = {"Namespace": "Rebuilder", "Dimensions": [["AppName"]],
                 "Metrics": [{"Name": name, "Unit": "Count"} for name in values]}
    return {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}, **values}


def summarize(run, kind, instance, found, todo):
    return {
        "run": kind, "instance": instance, "wanted": len(found.wanted),
        "present": todo.present + run.created + run.skipped["created_meanwhile"],
        "created": run.created, "deleted": run.deleted,
        "skipped": {reason: count for reason, count in (found.skipped + todo.skipped + run.skipped).items() if count},
        "failed": dict(run.failed), "left": run.left, "stopped_by": run.stopped_by,
        "shared": todo.shared, "samples": run.samples,
    }


def log(config, summary, kind, dry_run):
    line = {"AppName": config.app_name, **summary}
    if not dry_run:
        line |= metrics(summary, kind == "all")
    print(json.dumps(line), flush=True)


def try_again(kind, run):
    """Whether the run fails, so that Lambda tries its event again. The schedule comes again by itself."""
    if kind == "remove":
        return bool(run.left or run.failed)
    return kind == "instance" and (run.stopped_by in PASSING or any(run.failed[reason] for reason in PASSING))


def handler(event, context):
    event = event or {}
    config = Config.from_json(os.environ["CONFIG"])
    kind, instance, expected = parse(event)
    dry_run = bool(event.get("dry_run"))
    run = Run(config, event.get("id") or context.aws_request_id, context)
    try:
        found, sessions = observe(kind, instance, expected, config)
    except API_ERRORS as error:
        # Nothing is known, so nothing is done, least of all deleted.
        run.count(*run.classify("describe", error))
        print(json.dumps({"AppName": config.app_name, "run": kind, "instance": instance, "failed": dict(run.failed),
                          "samples": run.samples}), flush=True)
        if event.get("tf") and kind == "all":
            return None  # the role is so new that it has no rights yet; the schedule comes soon
        raise
    todo = plan(found.wanted, found.untouched, sessions, config)
    leave_unsupported(todo)
    if not dry_run:
        run.carry_out(todo)
    summary = summarize(run, kind, instance, found, todo)
    log(config, summary, kind, dry_run)
    if dry_run:
        return {**summary, "would_delete": todo.delete,
                "would_create": [{"interface": step.interface, "instance": step.instance, "number": step.number}
                                 for step in todo.create]}
    if try_again(kind, run):
        raise Incomplete(json.dumps(summary))
    return summary
