# SPDX-License-Identifier: Apache-2.0
"""A gRPC server that writes each call down as a line of JSON, and a client that makes calls of every kind. Both are
grpcio, without protobuf: messages are bytes.

    http2_grpc.py server PORT LOG
    http2_grpc.py client ADDRESS PORT BYTES    of a large message. Prints how many calls it made, how many it cancelled
"""

import concurrent.futures
import hashlib
import json
import signal
import struct
import sys
import threading

import grpc
from unique import PATTERN

BINARY = bytes(range(256))
BYE = b"bye"  # the last word of a Talk: to the server, a call that is cancelled may look like one that ends


def framed(message):
    """As it stands in DATA, when it isn't compressed."""
    return struct.pack(">BI", 0, len(message)) + message


def text(value):
    return value if isinstance(value, str) else value.hex()


class Log(grpc.GenericRpcHandler):
    """Answers whatever is called: each message with its size, or all of them with their number."""

    def __init__(self, file):
        self.file, self.lock = file, threading.Lock()

    def service(self, details):
        def answer(messages, context):
            body, count, message = hashlib.sha256(), 0, b""
            metadata = [[key, text(value)] for key, value in context.invocation_metadata()]
            entry = {"peer": context.peer(), "path": details.method, "metadata": metadata, "length": 0, "whole": False}
            try:
                for message in messages:
                    count += 1
                    body.update(framed(message))
                    entry["length"] += len(framed(message))
                    if details.method.endswith("/Talk"):
                        yield b"%d" % len(message)
                if details.method.endswith("/Talk"):
                    entry["whole"] = message == BYE
                else:
                    entry["whole"] = True
                    yield b"%d" % count
            except grpc.RpcError:
                pass  # cancelled
            finally:
                with self.lock:
                    self.file.write(json.dumps(entry | {"sha256": body.hexdigest()}) + "\n")

        # For the server, the other kinds of call are streams of one message.
        return grpc.stream_stream_rpc_method_handler(answer)


def serve(port, path):
    with open(path, "w", buffering=1) as file:
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(32), handlers=[Log(file)])
        server.add_insecure_port(f"[::]:{port}")
        server.start()
        signal.signal(signal.SIGTERM, lambda *_: server.stop(5).wait())
        server.wait_for_termination()


def call(address, port, size):
    calls, cancelled, large = 0, 0, int(size)
    with grpc.insecure_channel(f"{address}:{port}", [("grpc.default_authority", "orders.example.com"),
                                                     ("grpc.enable_http_proxy", 0)]) as channel:
        unary = channel.unary_unary("/shop.Orders/Put")
        metadata = [("x-request-id", "0123456789abcdef"), ("trace-bin", BINARY), ("twice", "1"), ("twice", "2"),
                    ("twice-bin", b"\r\n"), ("twice-bin", b""), ("cookie", "a=1")]
        for size in (0, 1, 1000, 2 * large):
            # In the second call, what the first one sent is in the table; and the peers know each other by then.
            for turn in (metadata, metadata, []):
                assert unary(PATTERN[:size], metadata=turn, timeout=10) == b"1"
                calls += 1
        together = [unary.future(PATTERN[:number * large // 200], metadata=[("number", str(number))])
                    for number in range(50)]
        assert [answer.result(10) for answer in together] == [b"1"] * 50
        upload = channel.stream_unary("/shop.Orders/Upload")
        parts = [PATTERN[:number * large // 60] for number in range(20)]
        assert upload(iter(parts), metadata=metadata, timeout=10) == b"20"
        assert upload(iter([]), timeout=10) == b"0"
        assert list(channel.unary_stream("/shop.Orders/Watch")(b"one", timeout=10)) == [b"1"]
        calls += 50 + 3

        talk, said = channel.stream_stream("/shop.Orders/Talk"), threading.Semaphore(0)

        def in_turns(count):
            for number in range(count):
                yield PATTERN[:number * 100]
                said.acquire()
            yield BYE

        for answer in talk(in_turns(10), timeout=10):
            said.release()
        calls += 1
        broken = talk(in_turns(2), timeout=10)
        next(broken)
        broken.cancel()
        said.release()
        cancelled += 1
    print(json.dumps({"requests": calls, "cancelled": cancelled}))


if __name__ == "__main__":
    {"server": serve, "client": call}[sys.argv[1]](*sys.argv[2:])
