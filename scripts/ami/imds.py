# SPDX-License-Identifier: Apache-2.0
"""What the instance metadata service (IMDSv2) says of this instance. Part of the machine image."""

import time
import urllib.error
import urllib.request

ADDRESS = "http://169.254.169.254"
ONE_TRY_SECONDS = 2
MOST_BYTES = 64 << 10  # user data is 16 KB at most
TOKEN_SECONDS = 300


def fetch(request, seconds, most):
    """Without a proxy: what is asked is the hypervisor's, this host's, or an AWS endpoint that a role may reach."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=seconds) as answer:
        return answer.read(most)


class Unavailable(Exception):
    """IMDS didn't answer in time."""


class Imds:
    """Answers are bytes, or None where there is nothing of that name. Each question is tried for `seconds`."""

    def __init__(self, address=ADDRESS, seconds=5):
        self.address, self.seconds = address, seconds
        self.token, self.token_until = None, 0

    def get(self, path):
        deadline = time.monotonic() + self.seconds
        if time.monotonic() > self.token_until:
            begin = time.monotonic()
            token = self._ask("/latest/api/token", "PUT",
                              {"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_SECONDS)}, deadline)
            if token is None:
                raise Unavailable(f"{self.address} knows no tokens: it isn't IMDSv2")
            self.token, self.token_until = token.decode("ascii"), begin + TOKEN_SECONDS - 10
        return self._ask(f"/latest/{path}", "GET", {"X-aws-ec2-metadata-token": self.token}, deadline)

    def text(self, path):
        answer = self.get(f"meta-data/{path}")
        return None if answer is None else answer.decode("utf-8").strip()

    def interfaces(self):
        """By device number: {"mac", "address"}; the primary one is 0. Those without an IPv4 address are left out."""
        found = {}
        for mac in (self.text("network/interfaces/macs/") or "").split():
            at = f"network/interfaces/macs/{mac.rstrip('/')}"
            number, addresses = self.text(f"{at}/device-number"), self.text(f"{at}/local-ipv4s")
            if number is not None and addresses:
                found[int(number)] = {"mac": mac.rstrip("/").lower(), "address": addresses.split()[0]}
        return found

    def _ask(self, path, method, headers, deadline):
        """Tries again until the deadline, except where it would be told the same."""
        pause = 0.2
        while True:
            try:
                request = urllib.request.Request(self.address + path, method=method, headers=headers)
                return fetch(request, ONE_TRY_SECONDS, MOST_BYTES)
            except urllib.error.HTTPError as error:
                if error.code == 404:
                    return None
                why = f"status {error.code}"
            except OSError as error:
                why = str(error)
            if time.monotonic() + pause > deadline:
                raise Unavailable(f"{self.address}{path}: {why}")
            time.sleep(pause)
            pause = min(2 * pause, 5)
