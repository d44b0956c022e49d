# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_pieces.py: reads and writes of one byte at a time, and a signal every millisecond, for managers and shims (R7).

Nothing may come out differently. Plugins are left alone.
"""
import json
import os
import subprocess
import sys

from points import INTERPOSE, Point, Start, become_reaper
from shimbox import SOAK, Skip, Wrong, main, row

HERE = os.path.dirname(os.path.abspath(__file__))
UNIT = os.environ.get("VMMI_UNIT_JOB", "")
KINDS = (("short", "one byte at a time"), ("storm", "a signal every millisecond"))
# What is worth it in every run. A soak run has all of it in the storm; byte by byte the shim cannot keep up with a plugin
# that writes much, and need not.
ROWS_OF = {"test_control.py": ["GetInfo", "no call", "white space", "Wait replies", "oneway"],
           "test_status.py": ["new one each time", "last breath", "stopped plugin", "Ended"]}
become_reaper()


def under(what):
    """The environment of such a program, and what its shims get."""
    options = {"ASAN_OPTIONS": os.environ["ASAN_OPTIONS"] + ":verify_asan_link_order=0"} if "ASAN_OPTIONS" in os.environ else {}
    return {"LD_PRELOAD": INTERPOSE, "VMMI_FAIL": f"any:any:0:{what}", **options}


def passes(name, command, env):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **env}, timeout=600,
                          check=False)
    text = done.stdout.decode(errors="replace")
    bad = [line for line in text.splitlines() if line.startswith("not ok")]
    if done.returncode or bad or "\nok " not in text:
        raise Wrong(f"{name} ended with {done.returncode}:\n" + text[-3000:])


def add(what, words):
    @row(f"starts, {words}")
    def _(box):
        if not INTERPOSE:
            raise Skip("no interposer here")
        for _ in range(100 if SOAK else 5):
            if Start(box, Point("any", "any", 0), what).finish(limit=60).got["code"]:
                raise Wrong("it was not started")

    @row(f"the control socket, {words}")
    def _(box):
        pairs = json.dumps([f"{key}={value}" for key, value in under(what).items()])
        for script, names in ROWS_OF.items():
            passes(script, [sys.executable, os.path.join(HERE, script), *([] if SOAK and what == "storm" else names)],
                   {"VMMI_TEST_SHIM_PAIRS": pairs})
        assert box

    @row(f"the tests of jobs and launches, {words}", sanitized=False)
    def _(box):
        if not UNIT:
            raise Skip("the unit tests were not built")
        wrapper = os.path.join(box.path, "vmmi-shim-wrapper")
        with open(wrapper, "w", encoding="utf-8") as stream:
            stream.write(f"#!/bin/sh\nLD_PRELOAD={INTERPOSE} VMMI_FAIL=any:any:0:{what} exec {os.environ['VMMI_SHIM_PATH']} \"$@\"\n")
        os.chmod(wrapper, 0o700)
        # The others wait for children of their own without thinking of signals.
        for name in ("test-launch", "test-record", "test-rundir") if SOAK else ("test-launch",):
            passes(name, [os.path.join(UNIT, name)], {"VMMI_SHIM_PATH": wrapper, **under(what)})


for kind in KINDS:
    add(*kind)

main()
