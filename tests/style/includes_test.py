#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Includes go downwards only, third-party headers stay where they belong, and no file grows too long.

    includes_test.py ROOT_OF_THE_REPOSITORY
"""

import re
import sys
from pathlib import Path

# What each module may include, beside itself. lib/README.md draws the same.
BELOW = {
    "base": set(),
    "packet": {"base"},
    "tcp": {"base", "packet"},
    "http": {"base", "packet", "tcp"},
    "forward": {"base", "packet", "http"},
    "pipeline": {"base", "packet", "tcp", "http", "forward"},
    "nic": {"base", "packet"},
}
# Whose .cpp files may see a third-party header whose users are few.
USERS = {
    "rte_": re.compile(r"lib/nic/|app/"),
    "llhttp": re.compile(r"lib/http/h1\.cpp|lib/forward/\w*response\w*\.cpp|app/"),
    "re2/": re.compile(r"lib/forward/selection\.cpp"),
}
# The compiler and the system, as opposed to a package: <vector>, <sys/socket.h>, <immintrin.h>
SYSTEM = re.compile(r"[a-z0-9_]+|(sys|linux|net|netinet|arpa|asm)/.*|(arm_|\w*intrin)\w*\.h|"
                    r"(dirent|dlfcn|endian|errno|fcntl|ifaddrs|netdb|poll|pthread|sched|signal|stdint|stdio|stdlib|string|"
                    r"time|unistd|assert|inttypes|limits|math|stddef|byteswap|malloc|spawn)\.h")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
MOST_LINES = 600


def include_faults(path, text):
    """`path` from the repository's root, with slashes."""
    folder, _, rest = path.partition("/")
    module = rest.partition("/")[0]
    for match in INCLUDE.finditer(text):
        own, foreign = match.groups()
        place = f"{path}:{text.count(chr(10), 0, match.start()) + 1}"
        if own and folder == "lib":
            target = own.partition("/")[0] if "/" in own else ""
            if target not in BELOW:
                yield f'{place}: "{own}" is not named from lib/, as "MODULE/FILE"'
            elif target != module and target not in BELOW[module]:
                yield f"{place}: {module} is not above {target}"
        if foreign:
            for prefix, users in USERS.items():
                if foreign.startswith(prefix) and not users.match(path):
                    yield f"{place}: <{foreign}> is not for this file"
            if folder == "lib" and module != "nic" and path.endswith(".h") and not SYSTEM.fullmatch(foreign):
                yield f"{place}: <{foreign}> in a header makes all its users depend on that package"


def faults(root):
    for folder in ("lib", "app", "scripts", "tests"):
        for file in sorted(path for path in (root / folder).rglob("*") if path.is_file()):
            if "node_modules" in file.parts:
                continue
            path = file.relative_to(root).as_posix()
            try:
                text = file.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue  # a fuzzing seed or the like
            lines = text.count("\n")
            if lines > MOST_LINES and file.suffix != ".svg":  # a chart is made, not read
                yield f"{path}: {lines} lines, more than {MOST_LINES}"
            if folder in ("lib", "app") and file.suffix in (".h", ".cpp", ".def"):
                if folder == "lib" and path.split("/")[1] not in BELOW:
                    yield f"{path}: not in a module that this test knows"
                else:
                    yield from include_faults(path, text)


def main(root):
    found = list(faults(Path(root)))
    print(*found, f"{len(found)} faults", sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__.strip())
