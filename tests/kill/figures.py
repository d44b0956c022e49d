# SPDX-License-Identifier: LGPL-2.1-or-later
"""figures.py: what is counted over many rounds, and what is printed when one went wrong."""
import collections
import os

from plan import ROWS
from truth import Verdict

SHOWN = 5


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


def run_batch(figures, batch, keep):
    """Some rounds, and what they add to the figures."""
    good = figures.good()
    try:
        batch.run()
        figures.add(batch)
    finally:
        if keep and good and not figures.good():
            show([f"kept: {batch.box.path}"])
        else:
            batch.box.remove()
