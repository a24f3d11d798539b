#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Grafana's dashboard.json, from the table of counters: a panel that shows losses by their reasons has a line for each counter of
that role, so none is forgotten when one is added.

    make_dashboard.py            writes dashboard.json beside this file
    make_dashboard.py --check    says whether it is the one that would be written
"""

import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
COUNTERS = HERE.parents[2] / "lib/base/counters.def"
COUNTER = re.compile(r'^COUNTER\((\w+), (\w+), (\w+), ', re.MULTILINE)

ONE = 'instance=~"$instance"'
PER_WORKER_LIMITS = ("worker_flows", "worker_buffers", "worker_held_blocks")


def rate(metric, by="", more=""):
    selector = f"{{{ONE}{', ' + more if more else ''}}}"
    return f"sum{f' by ({by})' if by else ''} (rate(rebuilder_{metric}{selector}[$__rate_interval]))"


def counters(*roles, prefix="", by=""):
    """A line for each counter with one of the roles, or whose name begins so."""
    found = [name for _, name, role in COUNTER.findall(COUNTERS.read_text(encoding="utf-8"))
             if role in roles or (prefix and name.startswith(prefix))]
    legend = f"{{{{{by}}}}} " if by else ""
    return [(rate(f"{name}_total", by), f"{legend}{name}") for name in found]


def quantile(share):
    buckets = rate("answer_seconds_bucket", "le, output")
    return f"histogram_quantile({share}, {buckets})", f"{{{{output}}}} {share * 100:g} %"


ROWS = [
    ("Is mirrored traffic arriving?", [
        ("Frames by VNI and source", "pps", [(rate("source_frames_total", "vni, source"), "{{vni}} {{source}}")]),
        ("Bits by VNI and source", "bps", [("8 * " + rate("source_bytes_total", "vni, source"), "{{vni}} {{source}}")]),
        ("Frames that ports lost", "pps", [(rate("port_missed_total", "port"), "{{port}} missed"),
                                           (rate("port_errors_total", "port"), "{{port}} errors"),
                                           (rate("port_no_buffers_total", "port"), "{{port}} no buffers")]),
        ("AWS allowances exceeded", "pps", [(rate("port_xstat", "port, name", 'name=~".*_allowance_exceeded"'),
                                             "{{port}} {{name}}")]),
        ("Frames without a segment, by reason", "pps", counters("frame_drop")),
    ]),
    ("Is it HTTP?", [
        ("Streams by protocol", "ops", counters(prefix="streams_")),
        ("Requests", "reqps", [(rate("requests_started_total"), "started"), (rate("requests_rebuilt_total"), "rebuilt")]),
        ("Requests not selected, by rule", "reqps", counters("request_filtered")),
    ]),
    ("Is it complete?", [
        ("Requests lost, by reason", "reqps", counters("request_lost")),
        ("Holes given up", "ops", [(rate("tcp_gaps_total"), "holes"), (rate("flows_midstream_total"), "joined in mid-stream")]),
        ("Payload not delivered, by reason", "Bps", counters("byte_drop")),
    ]),
    ("Is it delivered?", [
        ("Answers", "reqps", counters("request_answered", by="output")),
        ("Requests failed, by reason", "reqps", counters("request_failed", by="output")),
        ("Requests shed, by reason", "reqps", counters("request_shed", by="output")),
        ("Time to the answer", "s", [quantile(0.5), quantile(0.95), quantile(0.99)]),
        ("Requests waiting, of what can", "percentunit",
         [(f"sum by (output) (rebuilder_output_waiting_requests{{{ONE}}}) / "
           f"sum by (output) (rebuilder_output_waiting_requests_limit{{{ONE}}})", "{{output}}")]),
        ("Connections", "none", [(f"sum by (output) (rebuilder_output_connections{{{ONE}}})", "{{output}}")]),
    ]),
    ("Are the cores busy?", [
        ("Time with frames", "percentunit", [(rate("worker_busy_seconds_total", "instance, worker"), "{{instance}} {{worker}}")]),
        ("Age of heartbeats", "s", [(f"rebuilder_worker_heartbeat_age_seconds{{{ONE}}}", "{{instance}} {{worker}}")]),
        ("In use, of the limit", "percentunit",
         [(f"max by (instance) (rebuilder_{name}{{{ONE}}} / rebuilder_{name}_limit{{{ONE}}})",
           f"{{{{instance}}}} {name.removeprefix('worker_')}") for name in PER_WORKER_LIMITS]),
    ]),
]
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH, HEIGHT, ACROSS = 8, 8, 3


def panels():
    top, number = 0, 0
    for title, graphs in ROWS:
        number += 1
        yield {"id": number, "type": "row", "title": title, "collapsed": False, "panels": [],
               "gridPos": {"h": 1, "w": 24, "x": 0, "y": top}}
        for place, (name, unit, lines) in enumerate(graphs):
            number += 1
            yield {"id": number, "type": "timeseries", "title": name, "datasource": DATASOURCE,
                   "gridPos": {"h": HEIGHT, "w": WIDTH, "x": place % ACROSS * WIDTH, "y": top + 1 + place // ACROSS * HEIGHT},
                   "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
                   "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}},
                   "targets": [{"refId": f"{chr(65 + i // 26)}{chr(65 + i % 26)}", "expr": expression, "legendFormat": legend}
                               for i, (expression, legend) in enumerate(lines)]}
        top += 1 + (len(graphs) + ACROSS - 1) // ACROSS * HEIGHT


def dashboard():
    """As text, a panel in a line."""
    variables = [
        {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"},
        {"name": "instance", "type": "query", "label": "Instance", "datasource": DATASOURCE, "multi": True, "includeAll": True,
         "query": "label_values(rebuilder_uptime_seconds, instance)", "refresh": 2},
    ]
    head = {"uid": "rebuilder", "title": "rebuilder", "tags": ["rebuilder"], "schemaVersion": 36, "refresh": "10s",
            "time": {"from": "now-1h", "to": "now"}, "templating": {"list": variables}}
    lines = ",\n".join(json.dumps(panel) for panel in panels())
    return f'{json.dumps(head)[:-1]},\n"panels": [\n{lines}\n]}}\n'


def main(check):
    file = HERE / "dashboard.json"
    if not check:
        file.write_text(dashboard(), encoding="utf-8")
    elif file.read_text(encoding="utf-8") != dashboard():
        sys.exit(f"{file} is not what the table of counters makes it; run {Path(__file__).name}")


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__.strip())
    main(sys.argv[1:] == ["--check"])
