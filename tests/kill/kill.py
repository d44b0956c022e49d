#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""kill.py: migrations on the simulator whose manager, shim or plugin is killed at a random moment (rows R1, R2, R3).

Usage: kill.py ROW... [--count N] [--seed N] [--round K] [--beside N] [--progress]

ROW is R1 (the manager), R2 (manager and shim), R3 (manager and plugin) or all. After each kill another manager opens every
record; what it says is held against the truth (truth.py). A round follows from seed, row and number: --seed N --round K
draws it again. Prints one row of TAP for each ROW, and its figures.
"""
import argparse
import os
import random
import shutil
import sys
import tempfile
import time

import procs
from batch import Batch, Durations, make_plugins
from figures import SHOWN, Figures, run_batch, show
from plan import ROWS, UNDISTURBED, Plan

RENEW = 40    # batches: durations are measured anew


def measure(figures, plugins, durations, arguments):
    """Rounds that nobody disturbs, for their durations; they are judged as well, and not counted."""
    undisturbed = Figures("none")
    plans = [Plan(arguments.seed, "none", number, kind) for number, kind in enumerate(UNDISTURBED)]
    run_batch(undisturbed, Batch(plans, plugins, durations), arguments.keep)
    figures.left += [] if undisturbed.good() else ["undisturbed rounds went wrong"]


def run_row(row, arguments, plugins, number):
    """All rounds of a row."""
    figures, durations = Figures(row), Durations()
    began, renewed = time.monotonic(), 0
    rounds = [arguments.round] if arguments.round is not None else list(range(arguments.count))
    measure(figures, plugins, durations, arguments)
    while rounds:
        taken, rounds = rounds[:arguments.beside], rounds[arguments.beside:]
        plans = [Plan(arguments.seed, row, each) for each in taken]
        run_batch(figures, Batch(plans, plugins, durations), arguments.keep)
        if figures.started // (RENEW * arguments.beside) > renewed:
            renewed += 1
            measure(figures, plugins, durations, arguments)
        if arguments.progress and figures.started % (arguments.beside * 10) == 0:
            show([*figures.tell(), f"  {time.monotonic() - began:.0f} s"])
    word = "ok" if figures.good() else "not ok"
    print(f"{word} {number} - {row}: who is killed: {', '.join(ROWS[row])}", flush=True)
    show([*figures.tell(), f"  seed {arguments.seed}, {time.monotonic() - began:.1f} s"])
    if not figures.good():
        show([f"again: --seed {arguments.seed} --round {each} {row}" for each in (figures.wrong + figures.lost)[:SHOWN]])
    return figures.good()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="+", choices=[row for row in ROWS if row not in ("none", "lab")])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--round", type=int, default=None)
    parser.add_argument("--beside", type=int, default=24)
    parser.add_argument("--progress", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep the directory of a failure")
    arguments = parser.parse_args()
    arguments.count = max(1, arguments.count // int(os.environ.get("VMMI_TEST_SHARE", "1")))
    if arguments.seed is None:
        arguments.seed = random.SystemRandom().randrange(10 ** 6)
    print(f"1..{len(arguments.rows)}\n# seed {arguments.seed}", flush=True)
    procs.become_subreaper()
    path = tempfile.mkdtemp(prefix="vmmi-kill-plugins-")
    try:
        plugins = make_plugins(path)
        good = [run_row(row, arguments, plugins, number) for number, row in enumerate(arguments.rows, 1)]
    finally:
        shutil.rmtree(path, ignore_errors=True)
    sys.exit(0 if all(good) else 1)


main()
