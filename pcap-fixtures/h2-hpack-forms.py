#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every representation of HPACK: indexed, with and without indexing, never indexed, names by either table or spelled
out; text plain and by Huffman's code, with every byte there is; numbers that need several bytes."""

from http2 import INDEXING, NEVER_INDEXED, STATIC, WITHOUT_INDEXING, Http2, get, headers, indexed, number, string
from recipe import Capture

capture = Capture(__file__)
h2 = Http2(capture)
h2.open()
hpack = h2.hpack


def send(request, *literals):
    """The request with these behind its fields, each as (name, value, how)."""
    block = hpack.block(request.fields())
    for name, value, how in literals:
        block += hpack.literal(name, value, **how)
        request.headers.append((name, value))
    h2.expect(request, h2.send(headers(h2.next_stream(), block, end=True)))


for coded in (True, False):
    for form, called in ((INDEXING, "indexing"), (WITHOUT_INDEXING, "without"), (NEVER_INDEXED, "never")):
        send(get(f"/{called}/{'huffman' if coded else 'plain'}"),
             ("authorization", "Basic Zml4dHVyZTo=", {"form": form, "coded": coded}),
             (f"x-{called}-{coded}".lower(), "new name", {"form": form, "coded": coded}),
             ("user-agent", "name spelled out", {"form": form, "coded": coded, "name_index": 0}),
             ("x-indexing-true", "name in the dynamic table", {"form": form, "coded": coded}),
             ("x-empty", "", {"form": form, "coded": coded, "name_index": 0}))

everything = "".join(map(chr, range(256)))
printable = everything[0x20:0x7F].lower()  # no uppercase letters in names
for coded in (True, False):
    send(get("/every-byte"), ("x-every-byte", everything, {"coded": coded}),
         ("x-backwards", everything[::-1], {"form": NEVER_INDEXED, "coded": coded}),
         (printable, "a name", {"form": WITHOUT_INDEXING, "coded": coded, "name_index": 0}))
for at in range(0, 256, 32):  # each byte as the only one of its value: the code ends in another place of an octet
    send(get("/single-bytes"), *[(f"x-{byte:02x}", chr(byte), {"form": WITHOUT_INDEXING, "name_index": 0})
                                 for byte in range(at, at + 32)])
for text in ("&*,;XZ", "00000000", "~~", "\n", "a" * 1000):  # the code fills its octets, or all but one to seven bits
    send(get("/fill"), *[("x-fill", text + "0" * more, {"form": WITHOUT_INDEXING}) for more in range(8)])

# One name plain, its value not, and the other way round.
mixed = get("/mixed", ("x-plain", "huffman"), ("x-huffman", "plain"))
block = hpack.block(mixed.fields()[:-2])
block += number(0, 4) + string("x-plain", False) + string("huffman") + number(0, 4) + string("x-huffman")
h2.expect(mixed, h2.send(headers(h2.next_stream(), block + string("plain", False), end=True)))

# Indexes and lengths around the places where a number needs one byte more.
filling = get("/fill-the-table", *[(f"x{i}", str(i)) for i in range(200)])
block = hpack.resize(0) + hpack.resize(16384) + hpack.block(filling.fields())
h2.expect(filling, h2.send(headers(h2.next_stream(), block, end=True)))
request = get("/")  # whose target is no entry of the dynamic table
block = hpack.block(request.fields())
for index in (62, 63, 64, 126, 127, 128, 190, 191, 254, 255):
    block += indexed(index)
    request.headers.append(hpack.table[index - 62])
for index in (14, 15, 16, 62, 63, 64, 127, 128, 142, 143, 144):
    name = (STATIC + hpack.table)[index - 1][0]
    if not name.startswith(":"):
        block += hpack.literal(name, "by index", form=NEVER_INDEXED, name_index=index)
        request.headers.append((name, "by index"))
for index in (62, 63, 64, 65, 127, 128):  # which move up with each entry
    name = hpack.table[index - 62][0]
    block += hpack.literal(name, "by index", name_index=index)
    request.headers.append((name, "by index"))
for size in (126, 127, 128, 254, 255, 256, 16_509):
    block += hpack.literal("x-long", "v" * size, form=WITHOUT_INDEXING, coded=False)
    request.headers.append(("x-long", "v" * size))
h2.expect(request, h2.send(headers(h2.next_stream(), block, 16_000, end=True)))
h2.request(get("/after"))
h2.close()
capture.save(requests_started=25, requests_rebuilt=25, streams_http2=1, http2_lost_compression=0)
