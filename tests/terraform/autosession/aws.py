# SPDX-License-Identifier: Apache-2.0
"""An EC2 of prepared answers: botocore checks each call and each answer against AWS's own description of the service."""

import contextlib
import copy
import io
import json
import os
from pathlib import Path

import boto3
from botocore.stub import ANY, Stubber

SHAPES = json.loads(Path(__file__).with_name("shapes.json").read_text(encoding="utf-8"))
os.environ |= {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "eu-central-1",
               "AWS_EC2_METADATA_DISABLED": "true"}


def shape(name, **changes):
    return copy.deepcopy(SHAPES[name]) | changes


def interface(letter="a", device=0, card=0, **changes):
    eni = shape("interface", NetworkInterfaceId=f"eni-0000000000000000{letter}", **changes)
    eni["Attachment"] |= {"DeviceIndex": device, "NetworkCardIndex": card}
    return eni


def instance(letter="a", state="running", interfaces=None, tags=None, **changes):
    return shape("instance", InstanceId=f"i-0000000000000000{letter}", State={"Code": 16, "Name": state},
                 NetworkInterfaces=[interface(letter)] if interfaces is None else interfaces,
                 **({"Tags": tags_list(tags)} if tags is not None else {}), **changes)


def tags_list(tags):
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def session(letter="a", name="a", tags=None, **changes):
    """A session of ours on the interface of this letter; tags={} makes it someone else's."""
    return shape("session", NetworkInterfaceId=f"eni-0000000000000000{letter}",
                 TrafficMirrorSessionId=f"tms-0000000000000000{name}", Description=f"shop: i-0000000000000000{letter}",
                 **({"Tags": tags_list(tags)} if tags is not None else {}), **changes)


def event(letter="a", state="running", **changes):
    made = shape("state_change", **changes)
    made["detail"] = {"instance-id": f"i-0000000000000000{letter}", "state": state}
    return made


def created(letter="a", number=1, **expected):
    """The arguments that CreateTrafficMirrorSession has to get."""
    return {"NetworkInterfaceId": f"eni-0000000000000000{letter}", "TrafficMirrorTargetId": "tmt-0aaaaaaaaaaaaaaaa",
            "TrafficMirrorFilterId": "tmf-0aaaaaaaaaaaaaaaa", "SessionNumber": number, "VirtualNetworkId": 1377,
            "PacketLength": 8500, "Description": f"shop: i-0000000000000000{letter}",
            "TagSpecifications": [{"ResourceType": "traffic-mirror-session", "Tags": SHAPES["session"]["Tags"]}],
            "ClientToken": ANY, **expected}


class Context:
    """Lambda's context: the time that is left, one value for each time it is asked (the last one stays)."""
    aws_request_id = "8f5c1f1e-0000-4000-8000-000000000000"

    def __init__(self, *seconds):
        self.seconds = list(seconds) or [240]

    def get_remaining_time_in_millis(self):
        return 1000 * (self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0])


class Aws:
    """The answers of one run, in the order in which they are asked for; every one has to be asked for."""
    operations = set()  # of all runs

    def __init__(self):
        self.clients = {name: boto3.client(name) for name in ("ec2", "elbv2")}
        self.stubs = {name: Stubber(client) for name, client in self.clients.items()}
        self.tokens = []
        for client in self.clients.values():
            client.meta.events.register("provide-client-params.*.*", self.note)

    def note(self, params, model, **_):
        service = {"EC2": "ec2"}.get(model.service_model.service_id, "elasticloadbalancing")
        Aws.operations.add(f"{service}:{model.name}")
        if "ClientToken" in params:
            self.tokens.append(params["ClientToken"])

    def answer(self, operation, answer, service="ec2", **expected):
        self.stubs[service].add_response(operation, answer, expected)
        return self

    def error(self, operation, code, message="", service="ec2", **expected):
        self.stubs[service].add_client_error(operation, code, message, 400, expected_params=expected or None)
        return self

    def instances(self, *found, asked=None, **page):
        """One page of DescribeInstances: everything in the VPC, or the instance asked for."""
        filters = [{"Name": "instance-id", "Values": [asked]}] if asked else [
            {"Name": "vpc-id", "Values": ["vpc-0aaaaaaaaaaaaaaaa"]},
            {"Name": "instance-state-name", "Values": ["running", "pending", "stopping", "shutting-down"]}]
        return self.paged("describe_instances", {"Reservations": [
            {"ReservationId": "r-0aaaaaaaaaaaaaaaa", "OwnerId": "111122223333", "Groups": [], "Instances": [each]}
            for each in found]}, filters, **page)

    def sessions(self, *found, interfaces=None, description=None, **page):
        """One page of DescribeTrafficMirrorSessions: all, those of interfaces, or those with a description."""
        filters = [{"Name": "network-interface-id", "Values": [f"eni-0000000000000000{each}" for each in interfaces]}
                   ] if interfaces else [{"Name": "description", "Values": [description]}] if description else []
        return self.paged("describe_traffic_mirror_sessions", {"TrafficMirrorSessions": list(found)}, filters, **page)

    def paged(self, operation, answer, filters, token=None, more=None):
        expected = {"Filters": filters, "MaxResults": 1000, **({"NextToken": token} if token else {})}
        return self.answer(operation, answer | ({"NextToken": more} if more else {}), **expected)

    def members(self, *addresses):
        """What is behind the mirror's target."""
        target, group = shape("target"), shape("target_group")
        self.answer("describe_traffic_mirror_targets", {"TrafficMirrorTargets": [target]},
                    TrafficMirrorTargetIds=[target["TrafficMirrorTargetId"]])
        self.answer("describe_target_groups", {"TargetGroups": [group]}, "elbv2",
                    LoadBalancerArn=target["NetworkLoadBalancerArn"])
        health = [shape("target_health", Target={"Id": address, "Port": 4789}) for address in addresses]
        return self.answer("describe_target_health", {"TargetHealthDescriptions": health}, "elbv2",
                           TargetGroupArn=group["TargetGroupArn"])

    def creates(self, letter="a", number=1, **expected):
        answer = {"TrafficMirrorSession": session(letter, SessionNumber=number), "ClientToken": "anything"}
        return self.answer("create_traffic_mirror_session", answer, **created(letter, number, **expected))

    def refuses(self, code, message="", letter="a", number=1):
        return self.error("create_traffic_mirror_session", code, message, **created(letter, number))

    def deletes(self, name="a"):
        return self.answer("delete_traffic_mirror_session", {"TrafficMirrorSessionId": f"tms-0000000000000000{name}"},
                           TrafficMirrorSessionId=f"tms-0000000000000000{name}")

    def run(self, function, event, context=None, **config):
        """Runs the handler of the module; gives its result or its exception, and its log line."""
        os.environ["CONFIG"] = json.dumps(shape("config", **config))
        function.client = self.clients.__getitem__
        for stub in self.stubs.values():
            stub.activate()
        with contextlib.redirect_stdout(io.StringIO()) as out:
            try:
                result = function.handler(event, context or Context())
            except Exception as error:  # the test says which one is right
                result = error
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()
        lines = out.getvalue().splitlines()
        assert len(lines) <= 1, lines
        assert "Stub" not in str(lines) and "ParamValidation" not in str(lines), lines  # a call that wasn't prepared
        return result, json.loads(lines[0]) if lines else None
