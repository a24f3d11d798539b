# SPDX-License-Identifier: Apache-2.0
"""A name server on the loopback (UDP) that gives the same answer for any name, and another one when told so.

    with NameServer(["127.0.0.1"]) as names:
        ... --dns-server {names.text} ...
        names.say(error=SERVFAIL)
"""

import socket
import struct
import threading

SERVFAIL, NXDOMAIN = 2, 3  # RFC 1035, section 4.1.1
TYPE_A = 1


class NameServer:
    def __init__(self, addresses=(), ttl_s=0):
        self.say(addresses, ttl_s)
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.text = "127.0.0.1:%d" % self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._socket.sendto(b"", self._socket.getsockname())  # wakes the thread
        self._thread.join()
        self._socket.close()

    def say(self, addresses=(), ttl_s=0, error=0, silent=False):
        """From now on. Addresses are IPv4's; there are none of IPv6."""
        self._state = addresses, ttl_s, error, silent  # one assignment: the thread sees all of it or nothing

    def serve(self):
        while True:
            question, client = self._socket.recvfrom(1500)
            if not question:
                return
            addresses, ttl_s, error, silent = self._state
            if not silent:
                self._socket.sendto(self.answer(question, addresses, ttl_s, error), client)

    @staticmethod
    def answer(question, addresses, ttl_s, error):
        end = question.index(b"\0", 12) + 1
        kind = struct.unpack_from(">H", question, end)[0]
        records = [struct.pack(">HHHIH", 0xC00C, kind, 1, ttl_s, 4) + socket.inet_aton(address)
                   for address in addresses if kind == TYPE_A and not error]
        head = question[:2] + struct.pack(">HHHHH", 0x8180 | error, 1, len(records), 0, 0)
        return head + question[12:end + 4] + b"".join(records)
