# SPDX-License-Identifier: Apache-2.0
"""Stand-in: one nginx in the ALB's place."""
import json
from pathlib import Path
from lab import wait_until


def unavailable():
    return None


def start_nodes(topology):
    folder = topology.dir / "waf1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{ log_format w escape=json '{{"time":"$msec","id":"$http_x_lab_id","method":"$request_method","uri":"$request_uri","status":"$status"}}';
 client_max_body_size 64m; client_body_buffer_size 2m; client_header_buffer_size 16k; large_client_header_buffers 8 128k; keepalive_requests 1000000;
 client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
 server {{ listen 8445; access_log {folder}/requests.jsonl w; location / {{ proxy_pass http://unix:{folder}/a.sock; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_method GET; }} }}
 server {{ listen unix:{folder}/a.sock backlog=4096; access_log off; location / {{ return 200 "ok\\n"; }} }} }}
""")
    topology.alb.start(["nginx", "-c", folder / "nginx.conf", "-e", folder / "error.log"], folder / "log")
    wait_until(lambda: topology.alb.output(["ss", "-Hltn", "sport = :8445"]).strip(), 10, "stand-in")


def received(folder):
    for path in sorted(Path(folder).glob("waf[0-9]*/requests.jsonl")):
        for line in path.read_text("latin-1").split("\n"):
            if line:
                yield json.loads(line)
