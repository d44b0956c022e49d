# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_sim_lab.py: cells, comparison and report, and that the simulator takes every cell; without a lab."""
import os
import pathlib
import sys
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "policies"), str(HERE.parents[1] / "abi")]
from cells import Cells, Steady, load, own_cell, scenario  # noqa: E402
from compare import compare, report, summary  # noqa: E402
from plan import PlanError  # noqa: E402
from simulated import Simulator  # noqa: E402
from tap import Tap  # noqa: E402

PROFILE = load(HERE / "profile.json")
CELL = {"workingSetMib": 16, "ratio": 0.5, "linkMibPerSecond": 50, "pattern": "cyclic", "cell": "one"}


def the_cells():
    return Cells(load(HERE / "cells.json"), 1, None)


def refused(entry, needle):
    try:
        own_cell({**CELL, **entry}, {}, "here")
    except PlanError as error:
        assert needle in str(error), error
        return
    raise AssertionError(f"taken: {entry}")


def test_cells():
    plan = the_cells()
    assert len(plan.cells) >= 10 and {cell["pattern"] for cell in plan.cells} == {"uniform", "cyclic", "phased", "zipf"}
    blocks = list(plan.blocks())
    assert len(blocks) == 3 * len(plan.cells) and [block[0] for block in blocks] == list(range(len(blocks)))
    assert [block[1]["cell"] for block in blocks] == [block[1]["cell"] for block in the_cells().blocks()]


def test_refused():
    refused({"downtimeMs": "many"}, "'downtimeMs'")
    refused({"flags": ["tls"]}, "flags are of")
    refused({"pattern": "wavy"}, "pattern is one of")
    refused({"colour": 1}, "'colour'")


def test_configuration():
    content = Steady.configuration(own_cell({**CELL, "downtimeMs": 70, "flags": ["postcopy"], "postcopyAfter": 3}, {}, ""))["configuration"]
    assert content == {"policy": {"downtimeMs": 70, "postcopyAfter": 3, "abortAfter": 0}, "migration": {"flags": ["postcopy"]}}


def test_scenario():
    cell = own_cell({**CELL, "pattern": "phased", "phaseMs": 700}, {}, "")
    made = scenario(cell, 40, 30, {**PROFILE, "linkShare": 0.5})
    assert made["linkMibPerSecond"] == 20 and made["guests"][0]["phaseOffMs"] == 700
    assert made["guests"][0]["dirtyRateMibPerSecond"] == 30


def line(outcome, total, pause):
    return {"outcome": outcome, "totalMs": total, "silenceMs": pause, "iterations": 3, "downtimeMs": pause}


def test_compare():
    real = [line("completed", total, 100) for total in (1000, 1200, 900)] + [line("failed", 9, 9)]
    row = compare({"cell": "one"}, real, [line("completed", 1100, 40)])
    assert row["same"] and abs(row["totalMs"] - 0.1) < 1e-9 and abs(row["silenceMs"] + 0.6) < 1e-9
    short = compare({"cell": "two"}, [line("completed", 1000, 20)], [line("completed", 1000, 25)])
    assert abs(short["silenceMs"] - 0.1) < 1e-9
    wrong = compare({"cell": "three"}, [line("aborted", 5000, 0)], [line("completed", 700, 40)])
    assert not wrong["same"] and "silenceMs" not in wrong
    assert summary([row, short, wrong], "totalMs") == (0.05, row["totalMs"], "one")
    text = report([row, short, wrong], "here")
    assert "largest 10.0 % (one)" in text and "2 of 3 as in the lab; not: three" in text and "1000 (900 to 1200)" in text, text


def test_simulator_takes_all():
    simulator = Simulator(os.environ["VMMI_TOOL"], os.environ["STEADY"], PROFILE)
    for cell in the_cells().cells:
        lines = simulator.run(cell, cell["linkMibPerSecond"], cell["ratio"] * cell["linkMibPerSecond"], 2)
        wanted = "aborted" if cell["cell"] == "never" else "completed"
        assert [each["outcome"] for each in lines] == [wanted] * 2, (cell["cell"], lines)


def main():
    tap = Tap()
    for name, function in list(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            function()
            tap.row(f"sim-lab/{name[5:].replace('_', '-')}", [])
        except Exception:  # a row fails by whatever is raised
            tap.row(f"sim-lab/{name[5:].replace('_', '-')}", traceback.format_exc().splitlines())
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
