# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_report.py: the report's statistics, model and goals, with answers that were worked out by hand."""
import json
import math
import pathlib
import subprocess
import sys
import tempfile
import traceback
import xml.dom.minidom

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "abi")]
import goals  # noqa: E402
import matrix  # noqa: E402
import model  # noqa: E402
import shown  # noqa: E402
import stats  # noqa: E402
from tap import Tap  # noqa: E402


def close(got, wanted, tolerance=1e-6):
    assert got is not None and abs(got - wanted) <= tolerance, f"{got} is not {wanted}"


def line(label="peer", cell="c1", seed=1, total=10000, silence=300, group="gentle", **more):
    return {"cell": cell, "label": label, "group": group, "plugin": "adaptive" if label.startswith("adaptive") else "steps",
            "seed": seed, "outcome": "completed", "totalMs": total, "silenceMs": silence, "throttleSilenceMs": 5,
            "workLostMs": silence, "standstillMs": silence, "deadlineSeconds": 30, "downtimeHardMs": 2000,
            "downtimeSoftMs": 300, "verified": True, "oneHost": True, **more}


def group(*lines, name="gentle"):
    return goals.Group(name, list(lines))


def test_quantiles():
    close(stats.median([3, 1, 2]), 2)
    close(stats.median([4, 1, 2, 3]), 2.5)
    assert stats.quartiles([1, 2, 3, 4, 5]) == (2, 4)
    assert stats.quartiles([1, 2, 3, 4]) == (1.75, 3.25)
    assert stats.median([]) is None and stats.median([7]) == 7


def test_score():
    close(stats.score(line()), 20 * 0.3 + 10)
    close(stats.score(line(workLostMs=1300)), 20 * 0.3 + 10 + 5)
    close(stats.score(line(workLostMs=100)), 16)
    close(stats.score(line(outcome="aborted")), 616)
    close(stats.score(line(total=31000)), 6 + 31 + 600)
    close(stats.score(line(silence=2401)), 48.02 + 10 + 600)
    close(stats.score(line(silence=2400)), 48 + 10)


def test_limits():
    assert stats.allowed_silence(100) == 150 and stats.allowed_silence(2000) == 2400
    assert stats.is_met(line(total=30000)) and not stats.is_met(line(total=30001))
    assert not stats.is_met(line(verified=False)) and not stats.is_met(line(oneHost=False))
    assert stats.is_met(line(total=10 ** 6, met=True)) and not stats.is_met(line(met=False))


def test_geometric_means():
    close(stats.geometric_mean([1, 100]), 10)
    lines = [line(silence=0, total=4000), line(cell="c2", silence=0, total=16000),
             line(cell="c2", silence=0, total=16000), line(cell="c2", silence=0, total=16000)]
    close(stats.pooled_score(lines), 8)
    lines = [line("a", silence=0, total=2000), line("b", silence=0, total=8000),
             line("a", "c2", silence=0, total=18000), line("b", "c2", silence=0, total=8000)]
    close(stats.best_of_each(lines), 4)
    close(stats.pooled_score(lines[::2]), 6)


def test_pairs_go_by_cell_and_seed():
    paired = stats.pairs([line("adaptive", seed=1), line("adaptive", seed=2)],
                         [line(seed=2), line(seed=3), line(cell="c2", seed=1)])
    assert [(a["seed"], b["seed"]) for a, b in paired] == [(2, 2)]


def test_log_ratios():
    paired = [(line("adaptive", total=10000), line(total=20000)), (line("adaptive", seed=2), line(seed=2, outcome="aborted"))]
    found = stats.log_ratios(paired, "totalMs")
    assert list(found) == ["c1"] and len(found["c1"]) == 1
    close(found["c1"][0], math.log(2))
    assert len(stats.log_ratios(paired, "score")["c1"]) == 2
    close(stats.log_ratios([(line("adaptive", silence=0), line(silence=100))], "silenceMs")["c1"][0], math.log(10))


def test_bootstrap():
    mean, low, high = stats.bootstrap({"a": [0.3] * 5, "b": [0.3] * 2})
    close(mean, 0.3), close(low, 0.3), close(high, 0.3)
    mean, low, high = stats.bootstrap({"a": [0.5] * 5, "b": [0.1] * 2})
    close(mean, 0.3), close(low, 0.1), close(high, 0.5)
    values = [0.1, 0.3, 0.2, 0.6, 0.4, 0.2, 0.5, 0.1]
    mean, low, high = stats.bootstrap({"a": values})
    close(mean, 0.3)
    # the mean's standard error is 0.063: about twice that to either side
    assert 0.15 < low < 0.22 and 0.38 < high < 0.45, (low, high)
    assert stats.bootstrap({"a": values}) == (mean, low, high), "it is not the same twice"
    assert stats.bootstrap({}) is None
    close(stats.as_percent(math.log(1.1)), 10)


def test_model():
    for ratio, share in ((1.25, .37), (1.5, .58), (2, .80), (3, .94), (5, .99)):
        close(model.plateau(ratio), share, 0.01)
    cell = {"workingSetMib": 48, "memoryMib": 160, "ratio": 2, "pattern": "uniform", "phaseMs": 1000,
            "bandwidthMibPerSecond": 50, "deadlineSeconds": 30, "downtimeHardMs": 2000}
    close(model.least_limit_ms(cell, 48), 500)
    close(model.least_limit_ms({**cell, "pattern": "cyclic"}, 48), 1000)
    assert model.least_limit_ms({**cell, "pattern": "zipf"}, 48) is None
    close(model.least_limit_ms({**cell, "pattern": "phased"}, 48), 0)
    close(model.least_limit_ms({**cell, "ratio": 0.9}, 48), 0)
    assert model.can_complete(cell, "gentle") is True
    big = {**cell, "workingSetMib": 128, "bandwidthMibPerSecond": 25}
    assert model.can_complete(big, "gentle") is False
    assert model.can_complete(big, "suspend") is False and model.can_complete(big, "postcopy") is True
    assert model.can_complete(big, "throttle") is None
    assert model.can_complete({**cell, "downtimeHardMs": 500}, "gentle") is None
    assert model.can_complete({**cell, "deadlineSeconds": 3}, "postcopy") is False


def test_matrix():
    content = {"vmmiSim": "matrix", "axes": {"workingSetMib": [16, 256], "ratio": [0.3], "pattern": ["phased"],
                                             "linkMibPerSecond": [38]}, "guest": {"phaseOnMs": 3000},
               "memory": {"timesWorkingSet": 4, "leastMib": 256}, "downtimeHardMs": 2000,
               "deadline": {"timesBulk": 2, "plusSeconds": 15, "leastSeconds": 20}}
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "m.json"
        path.write_text(json.dumps(content))
        cells = matrix.read_matrix(path)
    assert list(cells) == ["phased-ws16-r0.3-b38", "phased-ws256-r0.3-b38"], list(cells)
    small, large = cells.values()
    assert (small["memoryMib"], small["deadlineSeconds"], small["phaseMs"]) == (256, 29, 3000), small
    assert (large["memoryMib"], large["deadlineSeconds"]) == (1024, 69), large
    assert len(matrix.read_matrix(HERE / "matrix.json")) == 420


def test_only_reference():
    alone = [line("adaptive"), line("adaptive", seed=2), line(outcome="aborted"), line("nova", total=10 ** 6)]
    assert [(each.name, cell) for each, cell in shown.only_reference([group(*alone)])] == [("gentle", "c1")]
    assert shown.only_reference([group(*alone, line("kubevirt"))]) == []
    assert shown.only_reference([group(line("adaptive"))]) == []
    mine = [line("nova", trace="2"), line("adaptive", trace="1"), line("adaptive", seed=2, trace="3")]
    other = group(line("ovirt", trace="4", outcome="aborted"), line("proxmox", trace="5"), line("x", cell="c2", trace="6"))
    mine = group(*mine)
    assert [each["trace"] for each in shown.traces(mine, "c1", [mine, other])] == ["1", "2", "4"]


def kept(check, *lines, name="gentle"):
    return check(group(*lines, name=name))


def test_goal_peers():
    assert kept(goals.goal_peers, line("adaptive"), line()).kept is True
    assert kept(goals.goal_peers, line("adaptive", outcome="aborted"), line(outcome="aborted")).kept is None
    goal = kept(goals.goal_peers, line("adaptive", total=31000), line())
    assert goal.kept is False and "c1: peer did it; 31.0 s is past the deadline" in goal.notes


def test_goal_model():
    facts = {"workingSetMib": 48, "memoryMib": 160, "ratio": 2, "pattern": "uniform", "bandwidthMibPerSecond": 50}
    assert kept(goals.goal_model, line("adaptive", **facts)).kept is True
    assert kept(goals.goal_model, line("adaptive", outcome="aborted", **facts)).kept is False
    assert kept(goals.goal_model, line("adaptive", outcome="aborted")).kept is None


def test_goal_dominated():
    own = line("adaptive", total=10000, silence=300)
    assert kept(goals.goal_dominated, own, line(total=8900, silence=240)).kept is False
    assert kept(goals.goal_dominated, own, line(total=8900, silence=251)).kept is True
    assert kept(goals.goal_dominated, own, line(total=9100, silence=10)).kept is True
    assert kept(goals.goal_dominated, own, line(total=1, silence=1, outcome="failed")).kept is True
    assert kept(goals.goal_dominated, own).kept is None


def test_goal_score():
    assert kept(goals.goal_score, line("adaptive"), line(total=11000)).kept is True
    assert kept(goals.goal_score, line("adaptive"), line(total=9000)).kept is False


def test_goal_silence():
    assert kept(goals.goal_silence, line("adaptive", silence=2400)).kept is True
    goal = kept(goals.goal_silence, line("adaptive", silence=2401, outcome="failed"), line(silence=9999))
    assert goal.kept is False and len(goal.notes) == 1


def test_goal_throttle():
    assert kept(goals.goal_throttle, line("adaptive")).kept is None
    for silence, limit, wanted in ((150, {}, True), (151, {}, False), (480, {"throttleLimitMs": 400}, True)):
        own = line("adaptive", **limit)
        own["throttleSilenceMs"] = silence
        assert kept(goals.goal_throttle, own, name="throttle").kept is wanted, silence


def test_goal_give_up():
    own = line("adaptive", total=4000, outcome="aborted")
    assert kept(goals.goal_give_up, own, line(total=13000, outcome="aborted")).kept is True
    assert kept(goals.goal_give_up, own, line(total=11000, outcome="aborted")).kept is False
    assert kept(goals.goal_give_up, own, line(total=11000)).kept is None
    assert kept(goals.goal_give_up, own, line(total=45000, outcome="capped")).kept is None
    scaled = line(total=5000, outcome="aborted", timeScale=10, memoryMib=160, bandwidthMibPerSecond=50)
    assert kept(goals.goal_give_up, own, scaled).kept is True
    assert kept(goals.goal_give_up_as_run, own, scaled).kept is False
    close(goals.unscaled(scaled), 3200 + 10 * 1800)
    close(goals.unscaled(line(total=5000)), 5000)


def test_goal_idle():
    own = line("adaptive", total=2200, ratio=0, setupMs=200, bytes=100 * 2 ** 20, bandwidthMibPerSecond=50)
    assert kept(goals.goal_idle, own).kept is True
    assert kept(goals.goal_idle, {**own, "totalMs": 2311}).kept is False
    assert kept(goals.goal_idle, {**own, "totalMs": 2311, "windUpMs": 100}).kept is True
    assert kept(goals.goal_idle, line("adaptive", ratio=1)).kept is None


def report(lines, *words):
    """Runs the report over lines; returns its text and the names of its charts, which must be XML."""
    with tempfile.TemporaryDirectory() as directory:
        place = pathlib.Path(directory)
        (place / "x.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
        subprocess.run([sys.executable, HERE / "report", place / "x.jsonl", "-o", place / "r.md", *words], check=True)
        drawn = {path.name: xml.dom.minidom.parse(str(path)) for path in place.glob("*.svg")}
        for chart in drawn.values():
            assert "href" not in chart.toxml() and "<script" not in chart.toxml()
        return (place / "r.md").read_text(), sorted(drawn)


def test_report_of_lab_lines():
    more = {"workingSetMib": 48, "memoryMib": 160, "ratio": 2, "pattern": "uniform", "bandwidthMibPerSecond": 50,
            "achievedMibPerSecond": 99.7, "bytes": 3 * 2 ** 28, "flags": ["busy"], "timeScale": 4}
    lines = [line(label, cell, seed, 9000 + 1000 * i, 200 + 50 * i, name, **more)
             for name, labels in (("gentle", ("adaptive", "nova")), ("postcopy", ("adaptive-postcopy", "virsh")))
             for i, label in enumerate(labels) for cell in ("c1", "c2") for seed in (1, 2, 3)]
    lines += [line("nova", "c2", 4, outcome="aborted", error="it | broke", **more), {"cell": "c1", "label": "nova", "group": "gentle",
              "plugin": "steps", "seed": 9, "outcome": "harness", "harnessError": "no guest"}]
    text, drawn = report(lines)
    assert drawn == ["r-cells.svg", "r-ratios.svg", "r-score.svg"], drawn
    for part in ("| nova (÷4) |", "| **+11 % [+11, +11]** |", "99.7 MiB/s", "it / broke", "1 failed by the harness",
                 "| lowest geometric mean of J | kept | kept |", "adaptive-postcopy", "best of each peer"):
        assert part in text, f"{part!r} is not in the report"


def test_report_of_simulated_lines():
    lines = [{"cell": f"c{cell}", "label": label, "plugin": label, "group": "suspend", "seed": seed, "outcome": "completed",
              "where": "destination", "met": True, "totalMs": 5000 + 100 * seed + 900 * i, "downtimeMs": None, "silenceMs": 200,
              "standstillMs": 200, "throttleSilenceMs": 0, "workLostMs": 250, "bytesSent": 10 ** 8, "iterations": 3,
              "postcopyMs": 0, "actions": 2, "score": 9.0}
             for cell in range(3) for i, label in enumerate(("adaptive", "stall")) for seed in range(4)]
    text, _ = report(lines, "--command", "vmmi simulate ...", "--title", "Simulated")
    for part in ("# Simulated", "24 simulated migrations", "vmmi simulate ...", "suspend"):
        assert part in text, f"{part!r} is not in the report"


def test_report_of_nothing():
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "x.jsonl"
        path.write_text("")
        done = subprocess.run([sys.executable, HERE / "report", path, "-o", path.with_suffix(".md")],
                              capture_output=True, check=False)
        assert done.returncode == 1 and not path.with_suffix(".md").exists()


def main():
    tap = Tap()
    for name, function in list(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            function()
            tap.row(f"report/{name[5:].replace('_', '-')}", [])
        except Exception:  # a row fails by whatever is raised
            tap.row(f"report/{name[5:].replace('_', '-')}", traceback.format_exc().splitlines())
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
