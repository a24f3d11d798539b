#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Replays a capture that comes through a pipe, and is not at its end: what has come is sent without waiting for more.

    pipe_test.py REBUILDER FIXTURES_DIRECTORY
"""

import os
import pathlib
import select
import subprocess
import sys
import tempfile

PATIENCE_S = 20
FIXTURE = "h1-pipelined"


def line_of(stream):
    return stream.readline() if select.select([stream], [], [], PATIENCE_S)[0] else b"nothing came"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    rebuilder, fixtures = sys.argv[1], pathlib.Path(sys.argv[2])
    expected = (fixtures / f"{FIXTURE}.expect").read_bytes().splitlines(keepends=True)
    with tempfile.TemporaryDirectory() as scratch:
        pipe = pathlib.Path(scratch, "pipe")
        os.mkfifo(pipe)
        # Unbuffered, or a line that has come would be in the buffer, where select() doesn't look.
        with subprocess.Popen([rebuilder, "replay", "--tunnel", "vxlan", pipe], stdout=subprocess.PIPE, bufsize=0) as replay:
            with open(pipe, "wb") as capture:
                capture.write((fixtures / f"{FIXTURE}.pcap").read_bytes())
                capture.flush()
                got = [line_of(replay.stdout) for _ in expected]
                print(f"{'ok  ' if got == expected else 'FAIL'} while the pipe is open")
            rest = replay.stdout.read()
            status = replay.wait(PATIENCE_S)
            ended = status == 0 and not rest
            print(f"{'ok  ' if ended else 'FAIL'} at its end: status {status}, {len(rest)} bytes more")
    sys.exit(not (got == expected and ended and expected))


if __name__ == "__main__":
    main()
