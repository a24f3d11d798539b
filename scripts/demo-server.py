#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What scripts/demo needs besides the rebuilder.

demo-server.py serve PORT_FILE    a web server in the analyser's place, on a free port of 127.0.0.1 that it
                                  writes into PORT_FILE; answers 200 and prints each request on one line
demo-server.py ledger FILE        the ledger that the rebuilder wrote, for reading
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def __getattr__(self, name):
        if name.startswith("do_"):  # every method is welcome
            return self.answer
        raise AttributeError(name)

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.path if len(self.path) <= 44 else self.path[:41] + "..."
        # One write a line: connections are answered side by side.
        sys.stdout.write(f"  {self.command:8}{target:46}{self.headers.get('Host', '-'):20}"
                         f"{len(body):>7}  {self.headers.get('X-Forwarded-For', '-')}\n")
        sys.stdout.flush()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def serve(port_file):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"  {'METHOD':8}{'TARGET':46}{'HOST':20}{'BODY':>7}  CLIENT", flush=True)
    with open(port_file + ".new", "w") as file:
        file.write(f"{server.server_port}\n")
    os.rename(port_file + ".new", port_file)
    server.serve_forever()


def ledger(path):
    with open(path) as file:
        books = json.load(file)
    print("  laws (everything that comes in is accounted for)")
    for law in books["laws"]:
        verdict = "holds " if law["holds"] else "BROKEN"
        print(f"    {verdict} {law['left']:>9} = {law['right']:<9} {law['name']}")
    groups = [("counters that are not 0", books["counters"])]
    groups += [(f"output {output['output']}", output["counters"]) for output in books["outputs"]]
    for title, counters in groups:
        print(f"  {title}")
        for name, value in counters.items():
            if value:
                print(f"    {value:>16}  {name}")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("serve", "ledger"):
        sys.exit(__doc__)
    {"serve": serve, "ledger": ledger}[sys.argv[1]](sys.argv[2])
