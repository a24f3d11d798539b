# SPDX-License-Identifier: Apache-2.0
"""The origin servers. What they write down of each request is the truth of "served".

    origin1   nginx: HTTP/1.1 on port 80, HTTP/2 in cleartext on 8080
    origin2   Node: HTTP/1.1 on port 80, HTTP/2 in cleartext and gRPC on 8081

Both answer 200 to whatever comes; origin1 with the files of the folder `site`, where it has them. A line of their logs,
origin1.access.jsonl and origin2.access.jsonl, has ts (seconds, at the request's end), took (seconds until then), id
(X-Lab-Id), method, uri, protocol, status, body (bytes), peer (address:port), and whole: false for a request whose client
went away inside it.
"""

from pathlib import Path

from lab import wait_until

from . import logs

HTTP = 80
H2C = {"origin1": 8080, "origin2": 8081}
FIELDS = {
    "id": "$http_x_lab_id", "method": "$request_method", "uri": "$request_uri", "protocol": "$server_protocol",
    "peer": "$remote_addr:$remote_port",
}


def log_of(topology_dir, name):
    return Path(topology_dir) / f"{name}.access.jsonl"


def nginx_configuration(topology):
    folder = topology.dir / "origin1"
    strings = ",".join(f'"{key}":"{variable}"' for key, variable in FIELDS.items())
    # nginx reads a body only for a proxied request: one hop to a second server of its own makes it do so. It logs a
    # request when it is done with it; 499 and 400 are those whose client went away, or never sent the rest.
    return f"""
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{
    map $status $whole {{ default true; 499 false; 408 false; 400 false; }}
    log_format lab escape=json '{{"ts":$msec,{strings},"status":$status,"took":$request_time,"body":"$content_length","whole":$whole}}';
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    client_max_body_size 64m; client_body_buffer_size 1m;
    client_header_buffer_size 16k; large_client_header_buffers 8 128k;
    keepalive_requests 1000000; keepalive_timeout 300s;
    ignore_invalid_headers off; underscores_in_headers on; merge_slashes off;
    server {{
        listen {HTTP} backlog=4096; listen [::]:{HTTP} backlog=4096;
        listen {H2C["origin1"]} http2 backlog=4096;
        access_log {topology.dir}/origin1.access.jsonl lab;
        location / {{
            proxy_pass http://unix:{folder}/answer.sock;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_method GET;
        }}
    }}
    server {{
        listen unix:{folder}/answer.sock backlog=4096;
        access_log off;
        root {folder}/site; default_type text/html;
        location / {{ try_files $uri $uri/index.html @ok; }}
        location @ok {{ return 200 "ok\\n"; }}
    }}
}}
"""


def start(topology):
    """Starts both; returns when they accept."""
    folder = topology.dir / "origin1"
    (folder / "site").mkdir(parents=True, exist_ok=True)
    (folder / "nginx.conf").write_text(nginx_configuration(topology))
    topology.origin1.start(["nginx", "-c", folder / "nginx.conf", "-e", folder / "error.log"], topology.dir / "origin1.log")
    topology.origin2.start(["node", Path(__file__).parent / "origin.js", HTTP, H2C["origin2"], log_of(topology.dir, "origin2")],
                           topology.dir / "origin2.log")
    for host, ports in ((topology.origin1, (HTTP, H2C["origin1"])), (topology.origin2, (HTTP, H2C["origin2"]))):
        for port in ports:
            wait_until(lambda host=host, port=port: listens(host, port), 15, f"{host.name}: port {port} accepts")


def listens(host, port):
    return bool(host.output(["ss", "-Hltn", f"sport = :{port}"]).strip())


def served(topology_dir, since=None):
    """Whole requests that the origins have served, as they logged them. `since`: offsets that `mark()` gave."""
    return [entry | {"origin": name} for name in H2C
            for entry in logs.lines(log_of(topology_dir, name), (since or {}).get(name, 0)) if entry["whole"]]


def mark(topology_dir):
    """Where the logs end now."""
    return {name: log.stat().st_size for name in H2C if (log := log_of(topology_dir, name)).exists()}
