# SPDX-License-Identifier: Apache-2.0
"""Which interfaces are to be mirrored, and what has to be done so that they are. Decisions only: this file calls no API.

`examine` reads instances as DescribeInstances gives them and names the wanted interfaces; `plan` compares them with sessions as
DescribeTrafficMirrorSessions gives them; `outcome` says what an answer of CreateTrafficMirrorSession means for the rest of the run.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
import json

OWNER_TAG = "RebuilderAutosession"  # its value is app_name; what doesn't carry it is never deleted
SESSIONS_PER_INTERFACE = 3  # AWS's quota, which can't be raised
NUMBERS_TRIED = 10
LAST_NUMBER = 32766

# An instance that leaves still answers its last requests, and one that comes may not be mirrored yet: neither is touched.
IN_TRANSITION = ("pending", "stopping", "shutting-down")
DESCRIBED_STATES = ("running", *IN_TRANSITION)


@dataclass(frozen=True)
class Config:
    """The variables of the Terraform module, under the same names."""
    app_name: str
    vpc_id: str
    filter_id: str
    target_id: str
    vxlan_id: int
    packet_length: int
    session_number: int
    asg_names: list = field(default_factory=list)
    eks_cluster_names: list = field(default_factory=list)
    instance_tags: dict = field(default_factory=dict)
    interfaces: str = "primary"
    excluded_interface_ids: list = field(default_factory=list)
    excluded_security_group_ids: list = field(default_factory=list)
    excluded_instance_types: list = field(default_factory=list)
    tags: dict = field(default_factory=dict)

    @classmethod
    def from_json(cls, text):
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Create:
    interface: str
    instance: str
    number: int
    taken: frozenset = frozenset()  # numbers of the interface's other sessions
    replaces: tuple = ()  # our own sessions of an earlier configuration, deleted first


@dataclass
class Examined:
    wanted: dict = field(default_factory=dict)  # interface: its instance
    untouched: set = field(default_factory=set)  # interfaces of instances in transition
    skipped: Counter = field(default_factory=Counter)


@dataclass
class Plan:
    create: list = field(default_factory=list)
    delete: list = field(default_factory=list)
    present: int = 0  # wanted interfaces that are mirrored to the target already
    shared: int = 0  # wanted interfaces with a session to another target, too: the lower number gets the packet
    skipped: Counter = field(default_factory=Counter)


def tags_of(resource):
    return {tag["Key"]: tag["Value"] for tag in resource.get("Tags", [])}


def selected(instance, config):
    """Whether the instance is of one of the groups or clusters, or has all of instance_tags."""
    tags = tags_of(instance)
    if tags.get("aws:autoscaling:groupName") in config.asg_names:
        return True
    if {tags.get("eks:cluster-name"), tags.get("aws:eks:cluster-name")}.intersection(config.eks_cluster_names):
        return True
    if any(f"kubernetes.io/cluster/{name}" in tags for name in config.eks_cluster_names):
        return True
    return bool(config.instance_tags) and config.instance_tags.items() <= tags.items()


def candidates(instance, config):
    """The interfaces of the instance that config.interfaces asks for."""
    def primary(interface):
        attachment = interface.get("Attachment", {})
        return attachment.get("DeviceIndex") == 0 and not attachment.get("NetworkCardIndex")
    return [interface for interface in instance.get("NetworkInterfaces", [])
            if config.interfaces == "all" or primary(interface)]


def addresses(interface):
    return {address["PrivateIpAddress"] for address in interface.get("PrivateIpAddresses", [])
            if address.get("PrivateIpAddress")}


def receives_mirror(instance, members):
    """Whether the instance is behind the mirror's target: what it sends would come back to it, again and again."""
    interfaces = instance.get("NetworkInterfaces", [])
    return instance["InstanceId"] in members or any(
        interface["NetworkInterfaceId"] in members or addresses(interface) & members for interface in interfaces)


def reason_to_skip(interface, instance, config):
    if interface["NetworkInterfaceId"] in config.excluded_interface_ids:
        return "excluded_interface"
    if {group["GroupId"] for group in interface.get("Groups", [])}.intersection(config.excluded_security_group_ids):
        return "excluded_security_group"
    if any(fnmatchcase(instance.get("InstanceType", ""), pattern) for pattern in config.excluded_instance_types):
        return "excluded_instance_type"
    if interface.get("InterfaceType", "interface") != "interface":
        return "interface_type"
    if not interface.get("PrivateIpAddress"):
        return "no_ipv4"  # subnets of IPv6 only can't be mirrored
    return None


def examine(instances, config, members=frozenset()):
    """Names the wanted interfaces; members are the IDs and addresses behind the mirror's target."""
    found = Examined()
    for instance in instances:
        if instance.get("VpcId") != config.vpc_id or not selected(instance, config):
            continue
        state = instance["State"]["Name"]
        interfaces = candidates(instance, config)
        if state in IN_TRANSITION:
            found.untouched.update(interface["NetworkInterfaceId"] for interface in interfaces)
            found.skipped["not_running"] += len(interfaces)
        elif state == "running":
            loop = receives_mirror(instance, members)
            for interface in interfaces:
                reason = "mirror_target" if loop else reason_to_skip(interface, instance, config)
                if reason:
                    found.skipped[reason] += 1
                else:
                    found.wanted[interface["NetworkInterfaceId"]] = instance["InstanceId"]
    return found


def owned(session, config):
    return tags_of(session).get(OWNER_TAG) == config.app_name


def current(session, config):
    """Whether a session is what would be created today."""
    return (session["TrafficMirrorTargetId"] == config.target_id
            and session["TrafficMirrorFilterId"] == config.filter_id
            and session.get("VirtualNetworkId") == config.vxlan_id
            and session.get("PacketLength") == config.packet_length
            and session["SessionNumber"] in numbers(config))


def numbers(config):
    return range(config.session_number, min(config.session_number + NUMBERS_TRIED, LAST_NUMBER + 1))


def free_number(config, taken):
    return next((number for number in numbers(config) if number not in taken), None)


def plan(wanted, untouched, sessions, config):
    """What to create and to delete, so that each wanted interface has one session, and no other has one of ours."""
    todo = Plan()
    by_interface = defaultdict(list)
    for session in sessions:
        by_interface[session["NetworkInterfaceId"]].append(session)
        if (owned(session, config) and session["NetworkInterfaceId"] not in wanted
                and session["NetworkInterfaceId"] not in untouched):
            todo.delete.append(session["TrafficMirrorSessionId"])
    for interface, instance in sorted(wanted.items()):
        plan_interface(todo, interface, instance, by_interface[interface], config)
    return todo


def plan_interface(todo, interface, instance, sessions, config):
    """Adds to the plan what one wanted interface needs; sessions are all that it has, whoever made them."""
    ours = sorted((session for session in sessions if owned(session, config)), key=lambda each: each["SessionNumber"])
    others = [session for session in sessions if not owned(session, config)]
    good = [session for session in ours if current(session, config)][:1]
    surplus = [session["TrafficMirrorSessionId"] for session in ours if session not in good]
    to_target = [session for session in others if session["TrafficMirrorTargetId"] == config.target_id]
    todo.shared += len(others) > len(to_target)
    taken = frozenset(session["SessionNumber"] for session in others)
    number = free_number(config, taken)
    if good or to_target:
        todo.present += 1
        todo.skipped["mirrored_by_other"] += not good
    elif len(others) >= SESSIONS_PER_INTERFACE:
        todo.skipped["interface_full"] += 1
    elif number is None:
        todo.skipped["number_taken"] += 1
    else:
        todo.create.append(Create(interface, instance, number, taken, tuple(surplus)))
        return
    todo.delete += surplus


def number_is_taken(code, message):
    """The code isn't documented for this case, so its words decide."""
    text = f"{code} {message}".lower()
    return "number" in text and any(word in text for word in ("already", "in use", "exist", "taken", "being used"))


# What a refusal means: `skip` this interface, `fail` it, or `stop` the run, as every further call would end alike.
OUTCOMES = {
    "TrafficMirrorSessionsPerInterfaceLimitExceeded": ("skip", "interface_full"),
    "InvalidNetworkInterfaceID.NotFound": ("skip", "gone"),
    "InvalidNetworkInterfaceId.NotFound": ("skip", "gone"),
    "InvalidTrafficMirrorSessionId.NotFound": ("skip", "gone"),
    "InvalidTrafficMirrorSessionID.NotFound": ("skip", "gone"),
    "TrafficMirrorSessionLimitExceeded": ("stop", "quota"),
    "TrafficMirrorSessionsPerTargetLimitExceeded": ("stop", "quota"),
    "TrafficMirrorSourcesPerTargetLimitExceeded": ("stop", "quota"),
    "InvalidTrafficMirrorFilterId.NotFound": ("stop", "filter_or_target_gone"),
    "InvalidTrafficMirrorTargetId.NotFound": ("stop", "filter_or_target_gone"),
    "RequestLimitExceeded": ("stop", "throttled"),
    "Throttling": ("stop", "throttled"),
    "ThrottlingException": ("stop", "throttled"),
    "RequestThrottled": ("stop", "throttled"),
    "EC2ThrottledException": ("stop", "throttled"),
    "Unavailable": ("stop", "unavailable"),
    "ServiceUnavailable": ("stop", "unavailable"),
    "InternalError": ("stop", "unavailable"),
    "InternalFailure": ("stop", "unavailable"),
    "UnauthorizedOperation": ("fail", "denied"),
    "AccessDenied": ("fail", "denied"),
    "AuthFailure": ("fail", "denied"),
}
# AWS documents no code for an instance type that can't be mirrored; these are its codes for "not with this resource".
UNSUPPORTED = ("InvalidParameter", "InvalidNetworkInterface", "Unsupported", "OperationNotPermitted")
# Failures that pass by themselves: worth another try before the next schedule.
PASSING = ("throttled", "unavailable", "time", "error")


def outcome(code, message=""):
    """(skip | fail | stop | renumber, reason) for an error code of the EC2 API."""
    if code in OUTCOMES:
        return OUTCOMES[code]
    if number_is_taken(code, message):
        return "renumber", "number_taken"
    if code.startswith(UNSUPPORTED):
        return "skip", "unsupported"
    return "fail", "error"
