# SPDX-License-Identifier: Apache-2.0
"""Small HTTP servers of tests, on the loopback: what they answer is up to them, how is here."""

import contextlib
import http.server
import threading

SOON_S = 0.02  # how often a server looks whether it is to end


class Answering(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def running(server):
    """In a thread of its own, until the end of the block."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": SOON_S}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
