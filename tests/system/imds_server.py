# SPDX-License-Identifier: Apache-2.0
"""An instance metadata service (IMDSv2) of our own, which refuses what EC2's does: no token, a bad token, version 1.

    imds_server.py ADDRESS PORT FILE
"""

import http.server
import json
import sys
import threading
from pathlib import Path

from http_answers import Answering, running

TOKEN = "a-token-of-this-test"


class Imds(http.server.ThreadingHTTPServer):
    """`data` is the user data, None: none was given; `meta` has the answers below /latest/meta-data/, by path.
    The first `failures` requests for a token get 503."""

    def __init__(self, data=None, failures=0, meta=None, address=("127.0.0.1", 0)):
        super().__init__(address, ImdsHandler)
        self.data, self.failures, self.meta, self.asked = data, failures, meta or {}, []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class ImdsHandler(Answering):
    def do_PUT(self):
        self.server.asked.append(self.path)
        self.server.failures -= 1
        if self.server.failures >= 0:
            return self.answer(503)
        seconds = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
        good = self.path == "/latest/api/token" and seconds and 1 <= int(seconds) <= 21600
        return self.answer(200, TOKEN.encode()) if good else self.answer(400)

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.headers.get("X-aws-ec2-metadata-token") != TOKEN:
            return self.answer(401)  # IMDSv1 is off
        if self.path == "/latest/user-data" and self.server.data is not None:
            return self.answer(200, self.server.data)
        found = self.server.meta.get(self.path.removeprefix("/latest/meta-data/"))
        return self.answer(404) if found is None else self.answer(200, found.encode())

def meta_of_interfaces(*devices):
    """What IMDS says of network interfaces: (mac, device number, address) each."""
    root = "network/interfaces/macs"
    meta = {f"{root}/": "\n".join(f"{mac}/" for mac, _, _ in devices)}
    for mac, number, address in devices:
        meta |= {f"{root}/{mac}/device-number": str(number), f"{root}/{mac}/local-ipv4s": address}
    return meta


def serving(*arguments, **options):
    return running(Imds(*arguments, **options))


def main(address, port, answers):
    """As a process: what it answers is {"data": ..., "meta": {...}} in a file."""
    found = json.loads(Path(answers).read_text(encoding="utf-8"))
    with serving(found["data"].encode(), meta=found["meta"], address=(address, int(port))):
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:4])
