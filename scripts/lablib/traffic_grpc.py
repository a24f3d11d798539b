# SPDX-License-Identifier: Apache-2.0
"""A gRPC client of grpcio, without protobuf: messages are bytes.

    traffic_grpc.py ADDRESS PORT RUN SECONDS RATE    prints how many calls it made, and how many were answered
"""

import json
import sys
import time

import grpc


def main(address, port, run, seconds, rate):
    sent = answered = 0
    end = time.monotonic() + float(seconds)
    with grpc.insecure_channel(f"{address}:{port}", [("grpc.default_authority", "orders.example.com"),
                                                     ("grpc.enable_http_proxy", 0)]) as channel:
        forms = (("unary", channel.unary_unary("/shop.Orders/Put"), lambda: b"order" * 20),
                 ("upload", channel.stream_unary("/shop.Orders/Upload"), lambda: iter([b"part" * 500] * 10)),
                 ("watch", channel.unary_stream("/shop.Orders/Watch"), lambda: b"all"),
                 ("talk", channel.stream_stream("/shop.Orders/Talk"), lambda: iter([b"hello", b"bye"])))
        while time.monotonic() < end:
            begun = time.monotonic()
            name, call, message = forms[sent % len(forms)]
            sent += 1
            try:
                answer = call(message(), metadata=(("x-lab-id", f"{run}-grpc-{sent}"), ("x-form", name)), timeout=10)
                if not isinstance(answer, bytes):
                    list(answer)
                answered += 1
            except grpc.RpcError as error:
                print(f"{name}: {error.code()}: {error.details()}", file=sys.stderr)
            time.sleep(max(0, min(end, begun + 1 / float(rate)) - time.monotonic()))
    print(json.dumps({"sent": sent, "answered": answered}))


if __name__ == "__main__":
    main(*sys.argv[1:])
