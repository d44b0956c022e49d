#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""kill.py: migrations on the simulator whose manager, shim or plugin is killed at a random moment (rows R1, R2, R3).

Usage: kill.py ROW... [--count N] [--seed N] [--round K] [--beside N] [--progress]

ROW is R1 (the manager), R2 (manager and shim), R3 (manager and plugin) or all. After each kill another manager opens every
record; what it says is held against the truth (truth.py). A round follows from seed, row and number: --seed N --round K
draws it again. Prints one row of TAP for each ROW, and its figures.
"""
import argparse
import collections
import os
import random
import shutil
import sys
import tempfile
import time

import procs
from batch import Batch, Durations, make_plugins
from plan import ROWS, UNDISTURBED, Plan
from truth import Verdict

SHOWN = 5
RENEW = 40    # batches: durations are measured anew


class Figures:
    """What is counted over the rounds of a row."""

    def __init__(self, row):
        self.row = row
        self.started = self.recovered = self.nothing = self.refused = 0
        self.killed = {who: collections.Counter() for who in ROWS[row]}
        self.unknown, self.exit_unknown, self.ends = collections.Counter(), collections.Counter(), collections.Counter()
        self.wrong, self.lost, self.left = [], [], []

    def add(self, batch):
        """The rounds of a batch; prints what is wrong with them."""
        for each in batch.rounds:
            verdict = Verdict(batch, each)
            self.started += 1
            for who, (phase, _) in each.killed.items():
                self.killed[who][phase] += 1
            self.recovered += verdict.recovered
            self.refused += verdict.refused
            self.nothing += not verdict.refused and not os.path.isdir(each.directory)
            if verdict.recovered:
                self.ends[verdict.outcome["outcome"] + ", " + verdict.outcome["exit"]["kind"]] += 1
            self.unknown.update([verdict.unknown] if verdict.unknown else [])
            self.exit_unknown.update([verdict.exit_unknown] if verdict.exit_unknown else [])
            self.wrong += [each.plan.number] if verdict.wrong else []
            self.lost += [each.plan.number] if verdict.lost else []
            if verdict.wrong + verdict.lost and len(self.wrong + self.lost) <= SHOWN:
                show(each.tell() + [f"WRONG {line}" for line in verdict.wrong] + [f"LOST {line}" for line in verdict.lost])
        left = batch.leftovers() + [f"orphan: {line}" for line in batch.orphans] + batch.complaints
        if left:
            self.left += left
            show([f"left behind by rounds {batch.rounds[0].plan.number} to {batch.rounds[-1].plan.number}: {line}"
                  for line in left[:SHOWN]])

    def good(self):
        return not (self.wrong or self.lost or self.left)

    def tell(self):
        """The figures, for people."""
        def counted(counter):
            return ", ".join(f"{count} {name}" for name, count in counter.most_common()) or "none"
        yield f"{self.row}: {self.started} started"
        for who, phases in self.killed.items():
            yield f"  {who} killed {sum(phases.values())} times: {counted(phases)}"
        yield f"  {self.recovered} outcomes recovered ({counted(self.ends)}), {self.nothing} never had a record, " \
            f"{self.refused} starts failed and said so"
        yield f"  outcome unknown: {counted(self.unknown)}; exit unknown: {counted(self.exit_unknown)}"
        yield f"  wrong {len(self.wrong)}, lost {len(self.lost)}, left behind {len(self.left)}"


def show(lines):
    for line in lines:
        print("# " + "\n# ".join(str(line).splitlines()), flush=True)


def run_batch(figures, plans, plugins, durations, keep):
    """Some rounds, and what they add to the figures."""
    batch = Batch(plans, plugins, durations)
    good = figures.good()
    try:
        batch.run()
        figures.add(batch)
    finally:
        if keep and good and not figures.good():
            show([f"kept: {batch.box.path}"])
        else:
            batch.box.remove()


def measure(figures, plugins, durations, arguments):
    """Rounds that nobody disturbs, for their durations; they are judged as well, and not counted."""
    undisturbed = Figures("none")
    plans = [Plan(arguments.seed, "none", number, kind) for number, kind in enumerate(UNDISTURBED)]
    run_batch(undisturbed, plans, plugins, durations, arguments.keep)
    figures.left += [] if undisturbed.good() else ["undisturbed rounds went wrong"]


def run_row(row, arguments, plugins, number):
    """All rounds of a row."""
    figures, durations = Figures(row), Durations()
    began, renewed = time.monotonic(), 0
    rounds = [arguments.round] if arguments.round is not None else list(range(arguments.count))
    measure(figures, plugins, durations, arguments)
    while rounds:
        taken, rounds = rounds[:arguments.beside], rounds[arguments.beside:]
        run_batch(figures, [Plan(arguments.seed, row, each) for each in taken], plugins, durations, arguments.keep)
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
    parser.add_argument("rows", nargs="+", choices=list(ROWS))
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
