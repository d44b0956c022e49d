# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-files.py: each source file has its licence tag and a head comment, and stays small.

Usage: check-files.py SOURCE-ROOT
"""
import pathlib
import re
import sys

from tap import Tap

CODE = {".c", ".h", ".py", ".S", ".ld"}
LIMIT = 600
FOLDERS = ["include", "src", "tools", "tests", "examples", "docs"]


def sources(root):
    """Files of code, and scripts without an ending."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if not path.is_file() or path.is_symlink() or "corpus" in path.parts or "golden" in path.parts:
                continue
            if path.suffix in CODE or path.name == "meson.build" or path.suffix == ".sh":
                yield path
            elif not path.suffix and path.read_bytes()[:2] == b"#!":
                yield path


def main():
    root = pathlib.Path(sys.argv[1])
    tap = Tap()
    untagged, headless, long_files, asserts = [], [], [], []
    count = 0
    for path in sources(root):
        count += 1
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(root).as_posix()
        head = text[:1200]
        if "SPDX-License-Identifier: LGPL-2.1-or-later" not in head:
            untagged.append(name)
        if path.suffix in (".c", ".h") and f"{path.name}:" not in head:
            headless.append(f"{name}: the head comment does not begin with '{path.name}:'")
        if path.suffix in CODE and text.count("\n") > LIMIT:
            long_files.append(f"{name}: {text.count(chr(10))} lines, the limit is {LIMIT}")
        if path.suffix == ".c" and re.search(r"(?<![\w_])assert\s*\(", text):
            asserts.append(name)
    tap.row("there are files to look at", [] if count > 30 else [f"only {count}"])
    tap.row("licence tag", untagged)
    tap.row("head comment", headless)
    tap.row(f"at most {LIMIT} lines", long_files)
    tap.row("no assert() that vanishes with NDEBUG", asserts)
    return tap.end()


sys.exit(main())
