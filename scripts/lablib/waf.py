# SPDX-License-Identifier: Apache-2.0
"""The analysers behind the rebuilders: haproxy as the ALB, and nodes of nginx + ModSecurity with the OWASP core rule set.

    start_nodes(topology)       haproxy on host `alb`, a node on each `wafK`, and the node `direct` on waf1
    received(folder)            what the nodes saw: one entry a request
    detections(folder)          request id -> rule ids
    slow(topology, 300)  answer_500(topology, True)  stop_alb(topology)  stop_node(topology, 1)  ...    for the faults

A node is what the vendor's is with its mirror preset: it takes the mirrored requests on 8445, says on 9445 that it is
well, takes the client's address from X-Forwarded-For, detects and never blocks, and ignores answers. The node `direct`
has the same rules and takes its requests from a client on waf1's loopback, in HTTP/1.1 and in HTTP/2: what a WAF in front
of the origin would have seen. Nothing of it is mirrored.
"""

import os
import signal
import socket
import time
from pathlib import Path

from . import logs

MIRROR_PORT, HEALTH_PORT = 8445, 9445
DIRECT_PORT, DIRECT_H2_PORT = 8447, 8448
DIRECT = "direct"
RULES = Path("/usr/share/modsecurity-crs/rules")
SETUP = Path("/etc/modsecurity/crs/crs-setup.conf")
BASE = Path("/etc/nginx/modsecurity.conf")
MODULE = Path("/usr/lib/nginx/modules/ngx_http_modsecurity_module.so")
NEEDED = {MODULE: "libnginx-mod-http-modsecurity", BASE: "libnginx-mod-http-modsecurity", RULES: "modsecurity-crs",
          SETUP: "modsecurity-crs"}
# In the ids of the attack set, which gets the highest paranoia level, where rules see most; other traffic has the default, 1.
ATTACK = "-attack-"
SECONDS = 20  # that a program may take to start or to end

# What a node writes down of each request.
LOGGED = {
    "id": "$http_x_lab_id", "method": "$request_method", "uri": "$request_uri", "status": "$status",
    "host": "$http_host", "client": "$remote_addr", "peer": "$realip_remote_addr",
    "forwarded_for": "$http_x_forwarded_for", "server_addr": "$http_x_server_addr",
    "server_port": "$http_x_server_port", "length": "$http_content_length", "truncated": "$http_x_rebuilder_truncated",
    "time": "$msec", "took": "$request_time",
}


def unavailable():
    """Why there can be no node here, or None."""
    for path, package in NEEDED.items():
        if not path.exists():
            return f"{path} is missing; the package {package} has it"
    return None


# ---- configuration ----

def rules(folder):
    """ModSecurity's configuration: Debian's, but with a log that can be read, and without rules on answers."""
    includes = "\n".join(f"Include {path}" for path in sorted(RULES.glob("REQUEST-*.conf")))
    return f"""
Include {BASE}
SecRuleEngine DetectionOnly
SecResponseBodyAccess Off
SecStatusEngine Off
SecRequestBodyLimit 67108864
SecRequestBodyLimitAction ProcessPartial
SecAuditEngine RelevantOnly
SecAuditLogRelevantStatus "^$"
SecAuditLogFormat JSON
SecAuditLogParts ABHZ
SecAuditLogType Serial
SecAuditLog {folder}/audit.jsonl
SecTmpDir {folder}
SecDataDir {folder}
Include {SETUP}
SecRule REQUEST_HEADERS:X-Lab-Id "@contains {ATTACK}" \\
    "id:1000,phase:1,pass,nolog,setvar:tx.paranoia_level=4,setvar:tx.executing_paranoia_level=4"
{includes}
"""


def servers(name, folder, hops):
    """nginx's servers of a node. `direct` is asked by clients, the others by `hops`."""
    if name == DIRECT:
        listens, real_ip = f"listen 127.0.0.1:{DIRECT_PORT};\n        listen 127.0.0.1:{DIRECT_H2_PORT} http2;", ""
    else:
        listens = f"listen {MIRROR_PORT};"
        real_ip = "".join(f"set_real_ip_from {address}; " for address in hops)
        real_ip += "real_ip_header X-Forwarded-For; real_ip_recursive on;"
    health = "" if name == DIRECT else f"""
    server {{
        listen {HEALTH_PORT};
        access_log off;
        location = /-/healthcheck {{ return 200 "OK\\n"; }}
        location / {{ return 405; }}
    }}"""
    # A bare `return` would answer before the rules run: the answer is another server's.
    return f"""
    server {{
        {listens}
        access_log {folder}/requests.jsonl seen;
        modsecurity on;
        modsecurity_rules_file {folder}/rules.conf;
        {real_ip}
        location / {{
            proxy_pass http://unix:{folder}/answer.sock;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_set_header Transfer-Encoding "";
            proxy_method GET;
        }}
    }}
    server {{
        listen unix:{folder}/answer.sock backlog=4096;
        access_log off;
        location / {{
            if (-f {folder}/answer-500) {{ return 500 "fault\\n"; }}
            return 200 "ok\\n";
        }}
    }}{health}"""


def node_configuration(name, folder, hops):
    form = ",".join(f'"{key}":"{variable}"' for key, variable in LOGGED.items())
    return f"""# Made by scripts/lab: the node {name}.
load_module {MODULE};
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    log_format seen escape=json '{{{form}}}';
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    client_max_body_size 64m;
    client_body_buffer_size 2m;
    client_header_buffer_size 16k;
    large_client_header_buffers 8 128k;
    ignore_invalid_headers off;
    keepalive_requests 1000000;
    keepalive_timeout 75s;
{servers(name, folder, hops)}
}}
"""


# In a variable of the process's scope, so that a fault needs no reload, which would end connections.
LUA = """
core.register_action("lab_wait", {"http-req"}, function(request)
    local wait = request:get_var("proc.lab_wait")
    if wait and wait > 0 then core.msleep(wait) end
end)
"""


def alb_configuration(folder, nodes):
    servers_ = "\n".join(f"    server waf{number} {address}:{MIRROR_PORT} check port {HEALTH_PORT} inter 1s fall 2 rise 1"
                         for number, address in enumerate(nodes, 1))
    return f"""# Made by scripts/lab: what an ALB does. It passes on what it can read, whether it likes it or not.
global
    nbthread 1  # where two want to log at a time, one does not
    log stdout len 65535 format raw local0
    tune.bufsize 131072
    tune.http.maxhdr 1000
    stats socket {folder}/haproxy.sock level admin
    lua-load {folder}/wait.lua
    maxconn 4000
    set-var proc.lab_wait int(0)
defaults
    mode http
    log global
    option http-keep-alive
    option accept-invalid-http-request
    option dontlognull
    option redispatch
    retries 3
    timeout connect 2s
    timeout client 3600s
    timeout server 60s
    timeout http-keep-alive 3600s
    timeout queue 60s
frontend mirrored
    bind :{MIRROR_PORT}
    option forwardfor
    declare capture request len 128
    http-request capture req.hdr(x-lab-id) id 0
    http-request lua.lab_wait
    log-format '{{"id":"%[capture.req.hdr(0),json(utf8ps)]","status":%ST,"ended":"%tsc","node":"%s","time":%Ts.%ms,"took":%Ta}}'
    default_backend nodes
backend nodes
    balance roundrobin
    option httpchk GET /-/healthcheck
    http-reuse always
{servers_}
"""


# ---- running ----

def folder_of(topology, name):
    return Path(topology.dir).resolve() / name


def node_hosts(topology):
    """The hosts of the nodes, the first is waf1."""
    return [getattr(topology, f"waf{number}") for number in range(1, topology.waf_nodes + 1)]


def start_nodes(topology):
    """Returns when the ALB has found its nodes to be well."""
    for number in range(1, topology.waf_nodes + 1):
        start_node(topology, number)
    start_direct(topology)
    start_alb(topology)
    wait(lambda: nodes_up(topology) == topology.waf_nodes, "the ALB finds its nodes to be well", folder_of(topology, "alb"))


def start_nginx(topology, host, name):
    folder = folder_of(topology, name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.conf").write_text(rules(folder))
    hops = [host.address for host in (topology.alb, *topology.rebuilders)]  # in X-Forwarded-For, behind the client
    (folder / "nginx.conf").write_text(node_configuration(name, folder, hops))
    (folder / "nginx.pid").unlink(missing_ok=True)
    (folder / "answer.sock").unlink(missing_ok=True)  # an nginx that was killed leaves it
    host.start(["nginx", "-c", folder / "nginx.conf", "-e", folder / "error.log"], folder / "nginx.log")
    wait(lambda: pid_of(folder) and accepts(folder / "answer.sock"), f"the node {name} starts", folder)


def start_node(topology, number):
    start_nginx(topology, node_hosts(topology)[number - 1], f"waf{number}")


def stop_node(topology, number):
    """At once, as a machine that fails."""
    stop(folder_of(topology, f"waf{number}"), signal.SIGKILL)


def start_direct(topology):
    start_nginx(topology, node_hosts(topology)[0], DIRECT)


def start_alb(topology):
    folder = folder_of(topology, "alb")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "wait.lua").write_text(LUA)
    (folder / "haproxy.cfg").write_text(alb_configuration(folder, [host.address for host in node_hosts(topology)]))
    (folder / "haproxy.sock").unlink(missing_ok=True)
    topology.alb.start(["haproxy", "-db", "-f", folder / "haproxy.cfg"], folder / "requests.jsonl")
    wait(lambda: accepts(folder / "haproxy.sock"), "haproxy starts", folder)
    wait(lambda: nodes_up(topology) is not None, "haproxy answers", folder)


def stop_alb(topology):
    """At once: its connections are reset or closed."""
    stop(folder_of(topology, "alb"), signal.SIGKILL)


def slow(topology, milliseconds):
    """The ALB holds each request for that long; 0 ends it."""
    command(topology, f"experimental-mode on; set var proc.lab_wait int({int(milliseconds)})")


def answer_500(topology, on=True):
    """All nodes see and answer requests, but with 500."""
    for number in range(1, topology.waf_nodes + 1):
        mark = folder_of(topology, f"waf{number}") / "answer-500"
        mark.touch() if on else mark.unlink(missing_ok=True)


def nodes_up(topology):
    """How many nodes the ALB sends requests to; None, when it doesn't answer."""
    try:
        said = command(topology, "show servers state nodes")
    except OSError:
        return None
    lines = [line.split() for line in said.splitlines() if line and not line.startswith("#")]
    # The 6th word is the server's state (2 is running), the 12th the last check's result (3 is passed).
    return sum(len(words) > 11 and words[5] == "2" and words[11] == "3" for words in lines)


def command(topology, text):
    """Says something to haproxy, gives its answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        connection.connect(str(folder_of(topology, "alb") / "haproxy.sock"))
        connection.sendall(text.encode() + b"\n")
        answer = b""
        while data := connection.recv(65536):
            answer += data
    return answer.decode(errors="replace")


def accepts(path):
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def pid_of(folder):
    """nginx's from its file, haproxy's from its socket; 0, when there is none."""
    try:
        if (folder / "nginx.conf").exists():
            return int((folder / "nginx.pid").read_text())
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(folder / "haproxy.sock"))
            return int.from_bytes(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 4), "little")
    except (OSError, ValueError):
        return 0


def stop(folder, number):
    pid = pid_of(folder)
    if not pid:
        return
    os.kill(pid, number)
    wait(lambda: not running(pid), f"process {pid} of {folder.name} ends", folder)
    (folder / "nginx.pid").unlink(missing_ok=True)


def running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait(condition, what, folder):
    end = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > end:
            said = [line for name in ("error.log", "nginx.log", "requests.jsonl") if (folder / name).exists()
                    for line in (folder / name).read_text(errors="replace").splitlines()[-3:]]
            raise RuntimeError(f"{what}: not within {SECONDS} s; {folder} says: {' | '.join(said)[-800:] or 'nothing'}")
        time.sleep(0.05)


# ---- what they saw ----

def received(folder):
    """Requests that the nodes saw."""
    for path in sorted(Path(folder).glob("waf[0-9]*/requests.jsonl")):
        for entry in logs.lines(path):
            yield entry | {"node": path.parent.name}


def passed_on(folder):
    """Requests that the ALB gave to a node and got an answer for."""
    for entry in logs.lines(Path(folder, "alb", "requests.jsonl")):
        if not entry["node"].startswith("<"):
            yield entry


def detections(folder, direct=False):
    """Request id -> sorted rule ids, of those requests that rules found something in."""
    found = {}
    for path in sorted(Path(folder).glob(f"{DIRECT}/audit.jsonl" if direct else "waf[0-9]*/audit.jsonl")):
        for entry in logs.lines(path):
            transaction = entry["transaction"]
            headers = {name.lower(): value for name, value in transaction["request"].get("headers", {}).items()}
            ids = {int(message["details"]["ruleId"]) for message in transaction.get("messages", [])}
            found.setdefault(headers.get("x-lab-id", ""), set()).update(ids)
    return {name: sorted(ids) for name, ids in found.items()}
