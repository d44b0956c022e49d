# SPDX-License-Identifier: LGPL-2.1-or-later
"""cells.py: the situations that the simulator and the lab are compared in, and the same situation for either of them."""
import json
import pathlib
import random
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "policies"))
from plan import CELL_KEYS, PlanError, cell_name, check_keys, make_cell, read_json  # noqa: E402 pylint: disable=wrong-import-position

FLAGS = ("auto_converge", "postcopy")
OWN_KEYS = {"downtimeMs": 300, "postcopyAfter": 0, "abortAfter": 0}


class Steady:
    """What a cell is migrated with: tests/bench/sim-lab/steady.c. Stands where the bench expects a policy."""

    label = plugin = "steady"
    group = "fixed"
    policy, migration = {}, {}   # the same for all cells: nothing
    time_scale = 1

    @staticmethod
    def configuration(cell):
        """The whole configuration message."""
        content = {"policy": {key: cell[key] for key in OWN_KEYS}}
        if cell["flags"]:
            content["migration"] = {"flags": cell["flags"]}
        return {"vmmiVersion": "0.4.1", "contentType": "configuration", "configuration": content}


def own_cell(entry, base, where):
    """A cell of the bench, and what this comparison adds."""
    entry = {**base, **entry}
    check_keys(where, entry, {*CELL_KEYS, *OWN_KEYS, "pattern", "cell", "flags"})
    flags = entry.pop("flags", [])
    own = {key: entry.pop(key, default) for key, default in OWN_KEYS.items()}
    cell = {**make_cell({"cell": cell_name({"pattern": "uniform", **entry}), **entry}, {}, where), **own, "flags": flags}
    for key in OWN_KEYS:
        if isinstance(own[key], bool) or not isinstance(own[key], int) or own[key] < 0:
            raise PlanError(f"{where}: '{key}' is a whole number: {own[key]!r}")
    if not isinstance(flags, list) or [flag for flag in flags if flag not in FLAGS]:
        raise PlanError(f"{where}: flags are of {', '.join(FLAGS)}: {flags!r}")
    return cell


class Cells:
    """The plan: every cell @repetitions times, each round in another order. For the bench's loop."""

    def __init__(self, content, seed, repetitions, path="cells"):
        if not isinstance(content, dict) or content.get("vmmiCells") != 1:
            raise PlanError(f"{path}: this is no cells file: it must begin with \"vmmiCells\": 1")
        self.cells = [own_cell(entry, content.get("base", {}), f"{path}, cell {i + 1}")
                      for i, entry in enumerate(content["cells"])]
        names = [cell["cell"] for cell in self.cells]
        for name in names:
            if names.count(name) > 1:
                raise PlanError(f"{path}: the cell '{name}' stands twice")
        self.seed, self.repetitions = seed, repetitions or content.get("repetitions", 3)
        self.cap_seconds = content.get("capSeconds", 90)

    def blocks(self):
        count = 0
        for repetition in range(self.repetitions):
            dice = random.Random(f"{self.seed} {repetition}")
            for cell in dice.sample(self.cells, len(self.cells)):
                yield count, cell, dice.randrange(1, 10 ** 6), [Steady]
                count += 1


def scenario(cell, link, rate, profile):
    """The simulator's own words for a cell: with the link and the guest's rate as they were on the real hosts, in MiB/s."""
    memory = cell["memoryMib"] + profile["extraMib"]
    guest = {"name": "guest1", "memoryMib": memory, "workingSetMib": cell["workingSetMib"],
             "zeroPercent": round(100 * profile["zeroMib"] / max(memory - cell["workingSetMib"], profile["zeroMib"]), 2),
             "dirtyRateMibPerSecond": round(rate, 3), "pattern": cell["pattern"], "xbzrlePercent": 100}
    guest["busyPercent"] = round(min(max(rate * profile["busyPercentPerMib"], 1), 100), 1)
    if cell["pattern"] == "phased":
        guest.update(phaseOnMs=cell["phaseMs"], phaseOffMs=cell["phaseMs"])
    return {"vmmiSim": "scenario", "linkMibPerSecond": round(link * profile["linkShare"], 3),
            "jitterPercent": profile["jitterPercent"], "steps": profile["steps"],
            "guests": [{**guest, **profile.get("guest", {})}]}


def load(path):
    return read_json(path)


def configuration_text(cell):
    return json.dumps(Steady.configuration(cell))
