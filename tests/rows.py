# SPDX-License-Identifier: LGPL-2.1-or-later
"""rows.py: tests as rows, printed as TAP: what the scripts of several rooms share.

A row is a function with @row("what happens"). It fails by Wrong, and says Skip where the machine cannot run it. Nothing waits for a
fixed time: until() polls a condition and has a deadline, which only a broken program meets.
"""
import sys
import time
import traceback

PATIENCE = 90


class Wrong(Exception):
    """Something is not as it should be."""


class Skip(Exception):
    """This machine cannot run the row."""


def same(what, got, want):
    """Complains unless both are equal."""
    if got != want:
        raise Wrong(f"{what} is {got!r}, not {want!r}")


def until(what, condition, seconds=PATIENCE, pause=0.02):
    """Polls until the condition gives something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            raise Wrong(f"waited {seconds} s for this: {what}")
        time.sleep(pause)


def alive(pid):
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            return stream.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


ROWS = []


def row(name):
    """Registers a row."""
    def add(function):
        ROWS.append((name, function))
        return function
    return add


def run_row(number, name, function):
    """Returns whether it went well."""
    started = time.monotonic()
    try:
        function()
    except Skip as reason:
        print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        return True
    except Exception as error:  # pylint: disable=broad-except
        print(f"not ok {number} - {name}")
        lines = str(error).splitlines() if isinstance(error, Wrong) else traceback.format_exc().splitlines()
        print("\n".join(f"# {line}" for line in lines), flush=True)
        return False
    print(f"ok {number} - {name}\n# {time.monotonic() - started:.1f} s", flush=True)
    return True


def main():
    """Runs all rows, or those whose name has one of the arguments in it; ends the program."""
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    rows = [entry for entry in ROWS if not words or [word for word in words if word in entry[0]]]
    print(f"1..{len(rows)}", flush=True)
    good = [run_row(number, *entry) for number, entry in enumerate(rows, 1)]
    sys.exit(0 if all(good) else 1)
