#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts the status page together: one HTML document with its style, its script and the counter table in it.

    page.py OUTPUT.cpp COUNTERS.def SET_ASIDE.h PAGE.html FILE.css... FILE.js...
    page.py OUTPUT.html ...    only the document, for a look at it

The order of the files is the order in the document. The Content-Security-Policy allows the style and the script by their
hashes, so that nothing else is ever run, whatever the figures say.
"""

import base64
import hashlib
import json
import re
import sys
from pathlib import Path

COUNTER = re.compile(r'^COUNTER\((\w+), (\w+), (\w+), "([^"]*)", "([^"]*)"\)$', re.MULTILINE)
PIECE = 1000  # bytes in a string literal: some compilers take no long ones


def counter_table(definition, set_aside):
    aside = set(re.findall(r"Counter::(\w+),", set_aside))
    rows = COUNTER.findall(definition)
    if len(rows) != len(re.findall(r"^COUNTER\(", definition, re.MULTILINE)) or not aside <= {row[1] for row in rows}:
        sys.exit("page.py: a counter is not written as expected")
    return {name: {"scope": scope, "role": role, "help": means, **({"aside": 1} if name in aside else {})}
            for scope, name, role, _, means in rows}


def policy(style, script):
    def allow(text):
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
    return "; ".join(("default-src 'none'", f"script-src {allow(script)}", f"style-src {allow(style)}", "connect-src 'self'",
                      "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"))


def literal(text):
    octets = text.encode()
    pieces = [octets[at:at + PIECE] for at in range(0, len(octets), PIECE)]
    return "\n".join('    "' + "".join(f"\\{octet:03o}" if octet < 32 or octet > 126 or chr(octet) in '"\\?' else chr(octet)
                                      for octet in piece) + '"' for piece in pieces)


def main(output, counters, set_aside, page, *parts):
    read = lambda path: Path(path).read_text(encoding="utf-8")
    style = "\n" + "".join(read(part) for part in parts if part.endswith(".css"))
    script = "\n" + "".join(read(part) for part in parts if part.endswith(".js"))
    if "</" in script or "</" in style:
        sys.exit("page.py: the style or the script would end its element")
    table = json.dumps(counter_table(read(counters), read(set_aside)), separators=(",", ":")).replace("<", "\\u003c")
    document = read(page)
    for mark, text in (("@STYLE@", style), ("@SCRIPT@", script), ("@COUNTERS@", table)):
        if document.count(mark) != 1:
            sys.exit(f"page.py: {page} lacks {mark}")
        document = document.replace(mark, text)
    if output.endswith(".html"):
        result = document
    else:
        result = ('// Made by page.py.\n#include "status_page.h"\n\nnamespace rebuilder {\n\n'
                  f"const std::string_view status_page =\n{literal(document)};\n\n"
                  f"const std::string_view status_page_policy =\n{literal(policy(style, script))};\n\n"
                  "}  // namespace rebuilder\n")
    Path(output).write_text(result, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 7:
        sys.exit(__doc__.strip())
    main(*sys.argv[1:])
