# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench.py: goes through a plan: block by block, with a budget, from where it stopped.

What carries out one run is given: a real lab (measure.py), or whatever a test puts in its place. It has one call,
run(cell, seed, policy, number), which returns the figures of the run, or raises HarnessError when it was not the policy that failed.
"""
import time

TRIES = 3


class HarnessError(Exception):
    """A run failed through no fault of its policy: the guest did not start, for instance. It is repeated."""


class Bench:
    def __init__(self, plan, results, runner, budget_seconds=None, clock=time.monotonic, say=print):
        self.plan, self.results, self.runner = plan, results, runner
        self.budget, self.clock, self.say = budget_seconds, clock, say
        self.began = clock()
        self.longest_block = 0

    def out_of_time(self):
        """Whether another block might not fit."""
        return self.budget is not None and self.clock() - self.began + self.longest_block > self.budget

    def run(self):
        """Returns True when the whole plan is done."""
        for number, cell, seed, policies in self.plan.blocks():
            missing = [policy for policy in policies if not self.results.has(number, policy.label)]
            if not missing:
                continue
            if self.out_of_time():
                self.say(f"the budget is used up: stopping before block {number + 1}; --resume goes on")
                return False
            start = self.clock()
            self.say(f"block {number + 1}: cell {cell['cell']}, seed {seed}, {len(missing)} runs")
            for policy in missing:
                self.one(number, cell, seed, policy)
            self.longest_block = max(self.longest_block, self.clock() - start)
        return True

    def one(self, number, cell, seed, policy):
        """One run, repeated when the harness failed."""
        while self.results.tries(number, policy.label) < TRIES:
            line = {"block": number, "cell": cell["cell"], "label": policy.label, "group": policy.group,
                    "plugin": policy.plugin, "seed": seed, "timeScale": policy.time_scale}
            start = self.clock()
            try:
                line.update(self.runner.run(cell, seed, policy, len(self.results.lines) + 1))
            except (HarnessError, OSError, ValueError) as error:
                line.update(outcome="harness", harnessError=str(error) or type(error).__name__)
            line["tookSeconds"] = round(self.clock() - start, 2)
            self.results.append(line)
            self.say(tell(line))
            if not line.get("harnessError"):
                return


def tell(line):
    """One line for people."""
    if line.get("harnessError"):
        return f"  {line['label']:24} the harness failed: {line['harnessError']}"
    def ms(key):
        return "-" if line.get(key) is None else f"{line[key]:.0f}"
    return (f"  {line['label']:24} {line['outcome']:10} total {ms('totalMs'):>6} ms, silence {ms('silenceMs'):>5} ms, "
            f"throttled {ms('throttleSilenceMs'):>5} ms, work lost {ms('workLostMs'):>6} ms"
            + (f"  [{', '.join(line['flags'])}]" if line.get("flags") else ""))
