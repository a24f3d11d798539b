# SPDX-License-Identifier: Apache-2.0
"""A web server that fails in a named way, and knows which requests it got.

    with FaultServer("reset-each") as server:
        ... http://127.0.0.1:{server.port} ...
    server.taken        # after that: each request that arrived whole, in the order of their ends

One thread; some thousands of requests a second. What each behaviour does is one line of BEHAVIOURS; `behave()` changes
it while the server runs. As a program, which can be stopped and killed, it logs to a file, a line of JSON each:

    fault_server.py BEHAVIOUR ADDRESS:PORT LOG
"""

import hashlib
import heapq
import itertools
import json
import re
import selectors
import signal
import socket
import struct
import sys
import threading
import time
from dataclasses import asdict, dataclass

LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)", re.IGNORECASE)
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends RST
HUGE = 3_000_000                 # bytes of an answer that no client wants to keep


@dataclass
class Taken:
    connection: int
    nth: int  # of its connection, from 0
    method: str
    target: str
    sha256: str
    time: float  # monotonic: the whole machine's


class Connection:
    """A client, and what is to be sent to it."""

    def __init__(self, server, sock, number):
        self.server, self.sock, self.number = server, sock, number
        self.inbox, self.outbox = bytearray(), bytearray()
        self.requests = 0    # whole ones
        self.head_size = 0   # of the request that is coming; 0: not known yet
        self.size = 0        # of all of it
        self.listens = True  # it is read from
        self.paused = False  # until a timer says so
        self.last = None     # what to do when all is sent: "close" or "finish"
        self.open = True

    def say(self, data, last=None):
        self.outbox += data
        self.last = self.last or last
        self.server.wake(self)

    def reset(self):
        if self.open:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.close()

    def close(self):
        """With unread bytes this is a reset, too, but for what was sent before."""
        if self.open:
            self.open = False
            self.server.forget(self)
            self.sock.close()

    def finish(self):
        """The end of what is sent; the client's may go on."""
        self.sock.shutdown(socket.SHUT_WR)

    def deaf(self):
        self.listens = False
        self.server.wake(self)


def answer(status=200, body=b"ok\n", fields=b""):
    return b"HTTP/1.1 %d Whatever\r\n%sContent-Length: %d\r\n\r\n%s" % (status, fields, len(body), body)


def chunked(size, piece=20_000):
    chunks = b"".join(b"%x\r\n%s\r\n" % (piece, b"c" * piece) for _ in range(size // piece))
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


@dataclass
class Behaviour:
    """`opened`, `head` and `request` are called for a new connection, for a head whose body may still come, and for a
    whole request. `bite` and `pace`: so many bytes at a time are read, or written, and so many seconds lie between."""
    request: callable = lambda c, r: c.say(OK)
    head: callable = lambda c: None
    opened: callable = lambda c: None
    bite_in: int = 262_144
    bite_out: int = 262_144
    pace: float = 0
    receive_buffer: int = 0
    backlog: int = 512
    accepts: bool = True


def in_turn(c, *answers):
    """One answer after the other, over all connections."""
    c.say(answers[c.server.next() % len(answers)])


def first(count, early, then=lambda c, r: c.say(OK)):
    """What the first requests get, counted over all connections, and the others."""
    return lambda c, r: early(c, r) if c.server.next() < count else then(c, r)


def bursts(status, length):
    """Requests 0 to length - 1 of each 2 * length get the status."""
    return lambda c, r: c.say(answer(status) if c.server.next() % (2 * length) < length else OK)


def after(seconds, act):
    return lambda c, r: c.server.later(seconds, lambda: c.open and act(c, r))


OK = answer()
EARLY_HINTS = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
NOT_WANTED = answer(500, b"unsolicited\n")

BEHAVIOURS = {
    "healthy": Behaviour(),
    "late": Behaviour(after(0.005, lambda c, r: c.say(OK))),
    # The connection breaks.
    "reset-at-once": Behaviour(opened=Connection.reset),
    "reset-each": Behaviour(lambda c, r: c.reset()),
    "reset-in-mid-request": Behaviour(head=Connection.reset),
    "reset-after-5": Behaviour(lambda c, r: c.say(OK) if r.nth < 5 else c.reset()),
    "reset-first-20": Behaviour(first(20, lambda c, r: c.reset())),
    "reset-in-mid-answer": Behaviour(lambda c, r: (c.sock.send(OK[:20]), c.reset())),
    "close-each": Behaviour(lambda c, r: c.close()),
    "close-after-5": Behaviour(lambda c, r: c.say(OK, "close" if r.nth == 4 else None)),
    # Nothing comes.
    "black-hole": Behaviour(opened=Connection.deaf, receive_buffer=4096),
    "swallows-syns": Behaviour(accepts=False, backlog=0),
    "silent": Behaviour(lambda c, r: None),
    "silent-at-33": Behaviour(lambda c, r: None if r.target.endswith("33") else c.say(OK)),
    "half-answer": Behaviour(lambda c, r: c.say(OK[:-1])),
    # It comes slowly.
    "slow-reader": Behaviour(bite_in=8000, pace=0.006, receive_buffer=8000),
    "dribbled-answer": Behaviour(bite_out=1, pace=0.0005),
    # It is no HTTP, or not whole.
    "garbage": Behaviour(lambda c, r: c.say(b"\x15\x03\x01\x00\x02\x02\x28")),
    "garbage-behind-5": Behaviour(lambda c, r: c.say(OK if r.nth < 5 else b"200 OK, I think\r\n\r\n")),
    "other-version": Behaviour(lambda c, r: c.say(b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n")),
    "bad-length": Behaviour(lambda c, r: c.say(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n")),
    "bad-chunk": Behaviour(lambda c, r: c.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")),
    "switches": Behaviour(lambda c, r: c.say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n")),
    "truncated-length": Behaviour(
        lambda c, r: c.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + bytes(100), "close")),
    "truncated-chunk": Behaviour(
        lambda c, r: c.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\nabc", "close")),
    "truncated-head": Behaviour(lambda c, r: c.say(b"HTTP/1.1 200 OK\r\nContent-Le", "close")),
    # Answers that are no 200.
    "interim": Behaviour(lambda c, r: c.say(EARLY_HINTS + OK)),
    "3xx": Behaviour(lambda c, r: in_turn(c, answer(301), answer(304, b""), answer(308))),
    "4xx": Behaviour(lambda c, r: in_turn(c, answer(400), answer(403), answer(404), answer(429))),
    "5xx": Behaviour(lambda c, r: in_turn(c, answer(500), answer(502), answer(503), answer(504))),
    "too-large": Behaviour(head=lambda c: c.say(answer(413, fields=b"Connection: close\r\n"), "close")),
    "too-large-finished": Behaviour(head=lambda c: c.say(answer(413, fields=b"Connection: close\r\n"), "finish")),
    "503-only": Behaviour(after(0.005, lambda c, r: c.say(answer(503)))),
    "502-bursts": Behaviour(bursts(502, 50)),
    "503-bursts": Behaviour(bursts(503, 50)),
    # Answers that end in every way, come early, or that nobody asked for.
    "close-said": Behaviour(lambda c, r: c.say(answer(fields=b"Connection: close\r\n"), "close")),
    "close-unsaid": Behaviour(lambda c, r: c.say(OK, "close")),
    "close-said-but-open": Behaviour(lambda c, r: c.say(answer(fields=b"Connection: close\r\n"))),
    "http-1.0": Behaviour(lambda c, r: c.say(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nok\n", "close")),
    "huge": Behaviour(lambda c, r: c.say(answer(body=bytes(HUGE)))),
    "huge-chunked": Behaviour(lambda c, r: c.say(chunked(HUGE))),
    "huge-until-close": Behaviour(lambda c, r: c.say(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(HUGE), "close")),
    "early-answer": Behaviour(lambda c, r: None, head=lambda c: c.say(OK)),
    "unsolicited": Behaviour(lambda c, r: c.say(OK + NOT_WANTED)),
    "unsolicited-garbage": Behaviour(lambda c, r: c.say(OK + b"\0\0garbage")),
}


class FaultServer:
    """`port` 0: a free one. The address is taken at once, but refuses until the `with`."""

    def __init__(self, behaviour="healthy", address="127.0.0.1", port=0, log=None):
        self.behaviour = BEHAVIOURS[behaviour]
        self.taken, self.connections = [], []
        self._count, self._log = itertools.count(), log
        self._selector, self._timers, self._timer_ids = selectors.DefaultSelector(), [], itertools.count()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.behaviour.receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.behaviour.receive_buffer)
            # As on Ethernet: the kernel of the client holds the less for the smaller segments.
            self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1448)
        self._listener.bind((address, port))
        self.address, self.port = self._listener.getsockname()
        self.url = f"http://{self.address}:{self.port}"
        self._stopping, self._bell = socket.socketpair()
        self._thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self._listener.listen(self.behaviour.backlog)
        # A queue of one that is taken: the kernel drops each SYN that comes then.
        self._fillers = [] if self.behaviour.accepts else [socket.create_connection((self.address, self.port))]
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._bell.close()
        self._thread.join()
        for each in (self._listener, self._stopping, *self._fillers):
            each.close()

    def behave(self, name):
        self.behaviour = BEHAVIOURS[name]

    def next(self):
        return next(self._count)

    def later(self, seconds, act):
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._timer_ids), act))

    def serve(self):
        self._selector.register(self._stopping, selectors.EVENT_READ)
        if self.behaviour.accepts:
            self._selector.register(self._listener, selectors.EVENT_READ)
        while True:
            wait = self._timers[0][0] - time.monotonic() if self._timers else None
            for key, events in self._selector.select(wait):
                if key.fileobj is self._stopping:
                    return self.end()
                if key.fileobj is self._listener:
                    self.accept()
                elif key.data.open:
                    self.event(key.data, events)
            while self._timers and self._timers[0][0] <= time.monotonic():
                heapq.heappop(self._timers)[2]()

    def end(self):
        for connection in self.connections:
            connection.close()
        self._selector.close()

    def accept(self):
        sock, _ = self._listener.accept()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(self, sock, len(self.connections))
        self.connections.append(connection)  # also those that nothing is awaited of
        self._selector.register(sock, selectors.EVENT_READ, connection)
        self.behaviour.opened(connection)

    def forget(self, connection):
        if connection.sock in self._selector.get_map():
            self._selector.unregister(connection.sock)

    def wake(self, connection):
        """Awaits what the connection needs now."""
        if not connection.open:
            return
        wanted = 0
        if not connection.paused:
            wanted |= selectors.EVENT_READ if connection.listens else 0
            wanted |= selectors.EVENT_WRITE if connection.outbox or connection.last else 0
        registered = connection.sock in self._selector.get_map()
        if wanted and registered:
            self._selector.modify(connection.sock, wanted, connection)
        elif wanted:
            self._selector.register(connection.sock, wanted, connection)
        elif registered:
            self._selector.unregister(connection.sock)

    def event(self, connection, events):
        try:
            if events & selectors.EVENT_READ:
                self.read(connection)
            if connection.open and (connection.outbox or connection.last):
                self.write(connection)
        except BlockingIOError:
            pass
        except OSError:  # the client is gone
            return connection.close()
        if connection.open and self.behaviour.pace:
            connection.paused = True
            self.later(self.behaviour.pace, lambda: self.resume(connection))
        self.wake(connection)

    def resume(self, connection):
        connection.paused = False
        self.wake(connection)

    def write(self, connection):
        if connection.outbox:
            sent = connection.sock.send(connection.outbox[:self.behaviour.bite_out])
            del connection.outbox[:sent]
        if not connection.outbox and connection.last:
            last, connection.last = connection.last, None
            getattr(connection, last)()

    def read(self, connection):
        data = connection.sock.recv(self.behaviour.bite_in)
        if not data:
            return connection.close()
        connection.inbox += data
        while connection.open and self.take(connection):
            pass

    def take(self, connection):
        """One request out of what came; False when it isn't whole."""
        inbox = connection.inbox
        if not connection.head_size:
            end = inbox.find(b"\r\n\r\n")
            if end < 0:
                return False
            length = LENGTH.search(inbox, 0, end)
            connection.head_size = end + 4
            connection.size = connection.head_size + (int(length[1]) if length else 0)
            self.behaviour.head(connection)
        if not connection.open or len(inbox) < connection.size:
            return False
        method, target, _ = bytes(inbox[:inbox.index(b"\r\n")]).decode("latin-1").split(" ")
        body = bytes(inbox[connection.head_size:connection.size])
        taken = Taken(connection.number, connection.requests, method, target,
                      hashlib.sha256(body).hexdigest(), time.monotonic())
        del inbox[:connection.size]
        connection.head_size = connection.size = 0
        connection.requests += 1
        self.taken.append(taken)
        if self._log:
            self._log.write(json.dumps(asdict(taken)) + "\n")
        self.behaviour.request(connection, taken)
        return True


def main(behaviour, where, path):
    address, port = where.rsplit(":", 1)
    with open(path, "a", buffering=1) as log, FaultServer(behaviour, address, int(port), log):
        print("ready", flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main(*sys.argv[1:])
