# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-symbols.py: headers, version map and exported symbols say the same.

Usage: check-symbols.py SOURCE-ROOT LIBRARY
"""
import pathlib
import re
import subprocess
import sys

from tap import Tap


def declared(root):
    """Names marked VMMI_PUBLIC in the public headers."""
    names = set()
    for header in (root / "include" / "libvmmi").glob("*.h"):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(encoding="utf-8"), flags=re.S)
        for match in re.finditer(r"VMMI_PUBLIC\b([^;]*);", text):
            found = re.search(r"\b(vmmi[A-Z]\w*)\s*\(", match.group(1))
            if found:
                names.add(found.group(1))
    return names


def mapped(root):
    """Names in the version map, and those that stand there twice."""
    text = re.sub(r"/\*.*?\*/", "", (root / "src" / "libvmmi.map").read_text(encoding="utf-8"),
                  flags=re.S)
    names = re.findall(r"^\s*(vmmi\w+);", text, flags=re.M)
    return set(names), sorted({name for name in names if names.count(name) > 1})


def exported(library):
    """Symbol -> version of what the library defines."""
    output = subprocess.run(["nm", "-D", "--defined-only", library], check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    symbols = {}
    for line in output.splitlines():
        name, _, version = line.split()[-1].partition("@")
        symbols[name] = version.lstrip("@")
    # The version node itself, and what a sanitizer's run-time adds.
    return {name: version for name, version in symbols.items()
            if not name.startswith(("VMMI_", "__asan", "__ubsan", "__odr_asan"))}


def main():
    root, library = pathlib.Path(sys.argv[1]), sys.argv[2]
    tap = Tap()
    headers = declared(root)
    names, twice = mapped(root)
    symbols = exported(library)
    tap.row("the headers declare something", [] if len(headers) > 100 else [f"only {len(headers)}"])
    tap.row("declared but not in the map", sorted(headers - names))
    tap.row("in the map but not declared", sorted(names - headers))
    tap.row("in the map twice", twice)
    tap.row("in the map but not exported", sorted(names - set(symbols)))
    tap.row("exported but not in the map", sorted(set(symbols) - names))
    tap.row("exported without a version", sorted(n for n, v in symbols.items() if not v))
    soname = subprocess.run(["readelf", "-d", library], check=True, stdout=subprocess.PIPE,
                            text=True).stdout
    tap.row("the name of the library is libvmmi.so.0",
            [] if "[libvmmi.so.0]" in soname else ["SONAME differs"])
    return tap.end()


sys.exit(main())
