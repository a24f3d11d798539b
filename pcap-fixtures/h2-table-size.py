#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The dynamic table as its size changes: size updates alone and in pairs, up to more than is allowed without a SETTINGS
frame of the server, which a one-way mirror doesn't show; eviction; an entry larger than the table, which empties it;
and behind each a request that needs the right entries at their indexes."""

from http2 import Http2, get, headers
from recipe import Capture

capture = Capture(__file__)
h2 = Http2(capture)
h2.open()


def request(target, *fields, sizes=()):
    """A GET whose header block begins with size updates."""
    wanted = get(target, *fields)
    updates = b"".join(h2.hpack.resize(size) for size in sizes)
    h2.expect(wanted, h2.send(headers(h2.next_stream(), updates + h2.hpack.block(wanted.fields()), end=True)))


def entry(i, size=100):
    return f"x-entry-{i}", f"{i}-" * (size // len(f"{i}-"))


request("/fills", *map(entry, range(20)))
request("/uses", *map(entry, range(20)))
request("/evicts", *map(entry, range(20, 40)))
assert h2.hpack.index(*entry(0)) == 0 != h2.hpack.index(*entry(39))
request("/uses-what-is-left", entry(39), entry(0), entry(30))

request("/0", entry(39), sizes=[0])
assert not h2.hpack.table
request("/nothing-is-kept", entry(39), entry(39))
request("/4096", *map(entry, range(5)), sizes=[4096])
request("/uses-again", *map(entry, range(5)))
request("/0-and-4096", *map(entry, range(5)), sizes=[0, 4096])
request("/200", *map(entry, range(5)), sizes=[200])
assert len(h2.hpack.table) == 1
request("/16384", *map(entry, range(60)), sizes=[16384])
assert len(h2.hpack.table) > 60
request("/uses-16384", *map(entry, range(60)), entry(60, 9000))
request("/uses-9000", entry(60, 9000), entry(59))
request("/evicts-by-9000", entry(61, 9000), entry(61, 9000), entry(60, 9000))

request("/too-large", entry(1), entry(62, 17_000))
assert not h2.hpack.table
request("/fills-anew", *map(entry, range(3)))
request("/uses-what-is-new", *map(entry, range(3)))

# An entry lends its name to the one that evicts it (RFC 7541, section 4.4).
lent = get("/lent", ("x-lends-its-name", "a" * 30), ("x-lends-its-name", "b" * 30))
block = h2.hpack.resize(90) + h2.hpack.block(lent.fields()[:-1])
assert h2.hpack.table == [lent.headers[-2]]
block += h2.hpack.literal(*lent.headers[-1], name_index=62)
assert h2.hpack.table == [lent.headers[-1]]
h2.expect(lent, h2.send(headers(h2.next_stream(), block, end=True)))
request("/after", ("x-lends-its-name", "b" * 30), sizes=[4096])
h2.close()
capture.save(requests_started=19, requests_rebuilt=19, streams_http2=1, http2_lost_compression=0)
