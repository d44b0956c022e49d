# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_bench.py: plan, order, resume, budget and results of the bench, with a runner that runs nothing."""
import json
import os
import pathlib
import sys
import tempfile
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "abi")]
from bench import TRIES, Bench, HarnessError  # noqa: E402
from journal import Journal  # noqa: E402
from plan import Plan, PlanError, Policy, fill_in, make_cell, read_plan, read_policies  # noqa: E402
from results import Results, read_lines  # noqa: E402
from tap import Tap  # noqa: E402

CELL = {"workingSetMib": 16, "ratio": 1, "linkMibPerSecond": 50}


def policy(label):
    return Policy({"label": label, "group": "gentle", "plugin": "touri"}, "here")


def plan(cells=3, policies=4, repetitions=5, seed=7):
    return Plan([make_cell({**CELL, "cell": f"cell{i}"}, {}, "here") for i in range(cells)],
                [policy(f"policy{i}") for i in range(policies)], repetitions, seed, 60)


class FakeRunner:
    """Notes what it was asked for; fails where it is told to; each run takes a second of a clock of its own."""

    def __init__(self, fail=lambda count: None):
        self.asked, self.now, self.fail = [], 0, fail

    def clock(self):
        return self.now

    def run(self, cell, seed, what, number):
        self.asked.append((cell["cell"], seed, what.label))
        self.now += 1
        error = self.fail(len(self.asked))
        if error:
            raise error
        return {"outcome": "completed", "totalMs": number}


class Place:
    """A directory of results, removed afterwards."""

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.directory.name)
        return self

    def __exit__(self, *_):
        self.directory.cleanup()

    def go(self, runner, the_plan=None, budget=None):
        results = Results(str(self.path))
        try:
            return Bench(the_plan or plan(), results, runner, budget, runner.clock, lambda text: None).run()
        finally:
            results.close()

    def lines(self):
        return [json.loads(line) for line in (self.path / "results.jsonl").read_text().splitlines()]


def refused(function, *words):
    try:
        function()
    except PlanError as error:
        for word in words:
            assert word in str(error), f"{word!r} is not in {error}"
        return
    raise AssertionError("it was not refused")


def test_order_each_policy_once_in_a_block():
    blocks = list(plan().blocks())
    assert [number for number, *_ in blocks] == list(range(15))
    for _, _, _, policies in blocks:
        assert sorted(each.label for each in policies) == [f"policy{i}" for i in range(4)]
    for repetition in range(5):
        cells = [cell["cell"] for _, cell, _, _ in blocks[3 * repetition:3 * repetition + 3]]
        assert sorted(cells) == ["cell0", "cell1", "cell2"], cells


def test_order_is_shuffled_and_follows_from_the_seed():
    def order(seed):
        return [(cell["cell"], guest, [each.label for each in policies])
                for _, cell, guest, policies in plan(seed=seed).blocks()]
    assert order(7) == order(7)
    assert order(7) != order(8)
    assert len({tuple(labels) for _, _, labels in order(7)}) > 5


def test_seed_is_the_blocks():
    seeds = [seed for _, _, seed, _ in plan().blocks()]
    assert len(set(seeds)) == 15 and all(1 <= seed <= 999999 for seed in seeds)
    runner = FakeRunner()
    with Place() as place:
        assert place.go(runner)
    per_block = [{seed for _, seed, _ in runner.asked[4 * i:4 * i + 4]} for i in range(15)]
    assert all(len(each) == 1 for each in per_block)


def test_results_are_on_disk_after_each_run():
    with Place() as place:
        def look(count):
            assert len(place.lines()) == count - 1 if (place.path / "results.jsonl").exists() else count == 1
        place.go(FakeRunner(look))
        assert len(place.lines()) == 60
        assert {"block", "cell", "label", "group", "plugin", "seed", "outcome", "tookSeconds"} <= set(place.lines()[0])


def test_resume_after_a_kill():
    class Killed(Exception):
        pass
    whole, first, second = FakeRunner(), FakeRunner(lambda count: Killed() if count == 27 else None), FakeRunner()
    with Place() as place:
        place.go(whole)
    with Place() as place:
        try:
            place.go(first)
            raise AssertionError("not killed")
        except Killed:
            pass
        with open(place.path / "results.jsonl", "a", encoding="ascii") as file:
            file.write('{"block": 6, "cel')
        assert place.go(second)
        assert len(place.lines()) == 60
    assert first.asked[:26] + second.asked == whole.asked


def test_resume_of_what_is_done_runs_nothing():
    with Place() as place:
        place.go(FakeRunner())
        again = FakeRunner()
        assert place.go(again)
        assert again.asked == []


def test_budget_ends_at_a_block():
    runner, rest = FakeRunner(), FakeRunner()
    with Place() as place:
        assert not place.go(runner, budget=10)
        assert len(runner.asked) == 8, "two blocks of 4 s fit into 10 s"
        assert place.go(rest)
    assert len(rest.asked) == 52


def test_budget_allows_the_first_block():
    runner = FakeRunner()
    with Place() as place:
        place.go(runner, budget=1)
    assert len(runner.asked) == 4


def test_harness_failure_is_repeated_and_noted():
    runner = FakeRunner(lambda count: {2: HarnessError("no guest"), 4: PermissionError("busy")}.get(count))
    with Place() as place:
        place.go(runner, plan(1, 3, 1))
        lines = place.lines()
    assert len(lines) == 5 and runner.asked[1] == runner.asked[2]
    assert [line.get("harnessError") for line in lines] == [None, "no guest", None, "busy", None]


def test_harness_failure_for_good_is_left():
    runner = FakeRunner(lambda count: HarnessError("no guest"))
    with Place() as place:
        assert place.go(runner, plan(1, 1, 1))
        assert len(runner.asked) == TRIES
        assert place.go(runner, plan(1, 1, 1)) and len(runner.asked) == TRIES


def test_read_lines_passes_over_others():
    with Place() as place:
        path = place.path / "x.jsonl"
        path.write_text('{"cell": "a", "label": "b", "outcome": "completed"}\n[1]\nnonsense\n{"cell": "a"}\n')
        lines, wrong = read_lines(path)
    assert len(lines) == 1 and wrong == 3


def test_cell_defaults_and_name():
    cell = make_cell({"workingSetMib": 64, "ratio": 1.25, "linkMibPerSecond": 50, "pattern": "cyclic"},
                     {"deadlineSeconds": 20}, "here")
    assert cell["cell"] == "ws64-r1.25-cyclic-50" and cell["deadlineSeconds"] == 20
    assert cell["downtimeSoftMs"] == 300 and cell["memoryMib"] == 192


def test_cell_refused():
    for change, word in (({"ratio": -1}, "ratio"), ({"workingSetMib": 190}, "195"), ({"pattern": "plaid"}, "plaid"),
                         ({"frob": 1}, "frob"), ({"cell": "a b"}, "a b"), ({"ratio": True}, "ratio"),
                         ({"linkMibPerSecond": None}, "linkMibPerSecond")):
        refused(lambda change=change: make_cell({**CELL, **change}, {}, "here"), "here", word)


def test_policy_refused():
    good = {"label": "a", "group": "gentle", "plugin": "touri"}
    for change, word in (({"group": "rough"}, "rough"), ({"plugin": "a/b"}, "a/b"), ({"label": ""}, "label"),
                         ({"policy": []}, "objects"), ({"frob": 1}, "frob")):
        refused(lambda change=change: Policy({**good, **change}, "here"), "here", word)


def test_figures_of_the_cell_are_filled_in():
    cell = make_cell(CELL, {}, "here")
    got = fill_in({"deadlineSeconds": "@deadlineSeconds", "x": ["@downtimeHardMs", "y"], "z": 1}, cell)
    assert got == {"deadlineSeconds": 30, "x": [2000, "y"], "z": 1}, got
    assert isinstance(fill_in("@deadlineSeconds", make_cell({**CELL, "deadlineSeconds": 12.5}, {}, "here")), int)
    refused(lambda: fill_in("@frob", cell), "@frob")


def test_the_files_that_are_shipped():
    known = read_policies(HERE / "policies.json")
    original = read_policies(HERE / "policies-original.json")
    assert list(original) == list(known), "the same policies, scaled and not"
    for label, each in original.items():
        assert each.time_scale == 1 and (each.plugin, each.group) == (known[label].plugin, known[label].group)
    for form, least_cells, least_policies in (("short", 3, 3), ("full", 8, 8)):
        got = read_plan(HERE / f"cells-{form}.json", HERE / "policies.json", 1)
        assert len(got.cells) >= least_cells and len(got.policies) >= least_policies
        assert all(each.label in known for each in got.policies)
        for group in ("gentle", "throttle", "suspend", "postcopy"):
            plugins = [each.plugin for each in got.policies if each.group == group]
            assert "adaptive" in plugins and len(plugins) > 1, group
        for each in got.policies:
            for cell in got.cells:
                assert "@" not in json.dumps(each.configuration(cell))
    full = read_plan(HERE / "cells-full.json", HERE / "policies.json", 1)
    assert full.repetitions >= 3
    assert {cell["pattern"] for cell in full.cells} >= {"uniform", "cyclic", "phased"}
    assert len({cell["linkMibPerSecond"] for cell in full.cells}) >= 2
    assert min(cell["workingSetMib"] for cell in full.cells) <= 16
    assert max(cell["workingSetMib"] for cell in full.cells) >= 128
    ratios = [cell["ratio"] for cell in full.cells if cell["ratio"] > 0]
    assert min(ratios) <= 0.3 and max(ratios) >= 5


def test_twins_and_unknown_labels_are_refused():
    with Place() as place:
        one = {"label": "a", "group": "gentle", "plugin": "touri"}
        (place.path / "p.json").write_text(json.dumps({"vmmiPolicies": 1, "policies": [one, one]}))
        refused(lambda: read_policies(place.path / "p.json"), "twice")
        (place.path / "p.json").write_text('{"vmmiPolicies": 1, "vmmiPolicies": 1}')
        refused(lambda: read_policies(place.path / "p.json"), "twice")
        (place.path / "p.json").write_text(json.dumps({"vmmiPolicies": 1, "policies": [one]}))
        cells = {"vmmiCells": 1, "cells": [CELL], "policies": ["b"]}
        (place.path / "c.json").write_text(json.dumps(cells))
        refused(lambda: read_plan(place.path / "c.json", place.path / "p.json", 1), "'b'")
        (place.path / "c.json").write_text(json.dumps({**cells, "cells": [CELL, CELL]}))
        refused(lambda: read_plan(place.path / "c.json", place.path / "p.json", 1), "twice")


def test_journal():
    entries = [{"kind": "start", "boottimeMs": 1000}, {"kind": "state", "state": "precopy", "boottimeMs": 1200},
               {"kind": "sample", "sample": {"iteration": 1}, "boottimeMs": 1300},
               {"kind": "action", "boottimeMs": 1420, "data": {"action": "setDowntime", "value": 400, "result": "done",
                                                               "decidedBoottimeMs": 1400}},
               {"kind": "sample", "sample": {"iteration": 2}, "boottimeMs": 1500},
               {"kind": "state", "state": "switchover", "boottimeMs": 1600},
               {"kind": "end", "boottimeMs": 1900, "data": {"statistics": {"iteration": 4}}}]
    with Place() as place:
        path = place.path / "journal"
        path.write_text("".join(json.dumps(each) + "\n" for each in entries) + '{"kind": "sam')
        journal = Journal(path)
    assert (journal.start(), journal.end()) == (1000, 1900)
    assert journal.switchover() == (1600, 1900) and journal.setup_ms() == 200 and journal.postcopy_ms() == 0
    assert journal.last_sample("iteration") == 2 and journal.statistics() == {"iteration": 4}
    assert [(each["atMs"], each["action"]) for each in journal.actions()] == [(400, "setDowntime")]


def main():
    tap = Tap()
    for name, function in list(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            function()
            tap.row(f"bench/{name[5:].replace('_', '-')}", [])
        except Exception:  # a row fails by whatever is raised
            tap.row(f"bench/{name[5:].replace('_', '-')}", traceback.format_exc().splitlines())
    return tap.end()


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
