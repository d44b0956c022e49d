# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-readme.py: the programs in README.md are the files of examples/, which the tests compile and run.

Usage: check-readme.py SOURCE-ROOT [--update]

A line `<!-- file: PATH -->` is followed by a fenced block with that file's content, without its licence line. With --update the
blocks are written anew.
"""
import pathlib
import re
import sys

from tap import Tap

BLOCK = re.compile(r"<!-- file: (\S+) -->\n(?:\n```\w*\n.*?\n```\n)?", re.S)
LANGUAGES = {".c": "c", ".py": "python"}
# A first program must be short enough to be read at once.
LIMIT = 60


def block_of(root, name):
    """Marker and fenced block as they must be."""
    path = root / name
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"^(#|/\*) SPDX-License-Identifier:.*\n", "", text, count=1, flags=re.M)
    text = re.sub(r"^#!.*\n", "", text)
    return f"<!-- file: {name} -->\n\n```{LANGUAGES[path.suffix]}\n{text.strip()}\n```\n"


def main():
    root = pathlib.Path(sys.argv[1])
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8")
    names = BLOCK.findall(text)
    if "--update" in sys.argv:
        readme.write_text(BLOCK.sub(lambda match: block_of(root, match.group(1)), text), encoding="utf-8")
        return 0
    tap = Tap()
    tap.row("README shows programs", [] if len(names) >= 3 else [f"only {len(names)}"])
    for match in BLOCK.finditer(text):
        name = match.group(1)
        tap.row(f"{name} is shown as it is",
                [] if match.group(0) == block_of(root, name) else ["run check-readme.py with --update"])
        lines = (root / name).read_text(encoding="utf-8").count("\n")
        tap.row(f"{name} has at most {LIMIT} lines", [] if lines <= LIMIT else [f"{lines} lines"])
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        tap.row(f"link to {link}", [] if (root / link).exists() else ["there is no such file"])
    return tap.end()


sys.exit(main())
