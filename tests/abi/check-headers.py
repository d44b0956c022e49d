# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-headers.py: each public header compiles alone, as C99 and as C++.

Usage: check-headers.py SOURCE-ROOT COMPILER...
"""
import pathlib
import shutil
import subprocess
import sys

from tap import Tap

FLAGS = ["-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]


def compile_alone(command, language, standard, root, name):
    """Compiles a file that holds one include. Returns the compiler's complaints."""
    done = subprocess.run(command + ["-x", language, f"-std={standard}"] + FLAGS +
                          ["-I", str(root / "include"), "-"],
                          input=f"#include <libvmmi/{name}>\n#include <libvmmi/{name}>\nint x;\n",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout.splitlines() or (["failed"] if done.returncode else [])


def main():
    root = pathlib.Path(sys.argv[1])
    command = [word for word in sys.argv[2:] if not word.startswith("-")]
    cxx = {"gcc": "g++", "cc": "c++", "clang": "clang++"}.get(pathlib.Path(command[-1]).name, "c++")
    tap = Tap()
    for header in sorted((root / "include" / "libvmmi").glob("*.h")):
        tap.row(f"{header.name} as C99", compile_alone(command, "c", "c99", root, header.name))
        if shutil.which(cxx):
            tap.row(f"{header.name} as C++", compile_alone([cxx], "c++", "c++11", root, header.name))
        else:
            tap.skip(f"{header.name} as C++", f"no {cxx} on this machine")
    return tap.end()


sys.exit(main())
