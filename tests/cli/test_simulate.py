# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_simulate.py: vmmi simulate, and what it starts: plugins over simulated worlds in virtual time."""
import json
import os
import signal
import stat
import subprocess
import tempfile
import time

from tool import PATIENCE, SOURCE, TOOL, Terminal, environment, main, run

BUILD = os.environ["BUILD_ROOT"]
PLUGINS = os.path.join(BUILD, "tools/plugins") + ":" + os.path.join(BUILD, "tests/fakes/kit")
GUEST = {"name": "db", "memoryMib": 256, "workingSetMib": 64, "dirtyRateMibPerSecond": 80, "pattern": "cyclic"}
SCENARIO = {"vmmiSim": "scenario", "linkMibPerSecond": 38,
            "guests": [GUEST, {"name": "web", "memoryMib": 128, "workingSetMib": 4}]}
MATRIX = {"vmmiSim": "matrix", "comment": "small", "guest": {"phaseOnMs": 500, "phaseOffMs": 500},
          "memory": {"timesWorkingSet": 2, "leastMib": 128},
          "axes": {"workingSetMib": [16, 64], "ratio": [0.3, 2], "pattern": ["cyclic", "phased"],
                   "linkMibPerSecond": [50]},
          "cells": [{"name": "own", "deadlineSeconds": 5, "scenario": SCENARIO, "guest": "web"}],
          "deadline": {"timesBulk": 2, "plusSeconds": 10}, "downtimeHardMs": 1500, "downtimeSoftMs": 200,
          "spreadPercent": 3, "runs": 2}
KEYS = {"cell", "label", "plugin", "group", "seed", "outcome", "where", "met", "totalMs", "downtimeMs", "silenceMs",
        "standstillMs", "throttleSilenceMs", "workLostMs", "bytesSent", "iterations", "postcopyMs", "actions", "score"}


class Files:
    """A directory with files of JSON."""

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="vmmi-test-")
        return self

    def __exit__(self, *_):
        self.directory.cleanup()

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def write(self, name, content):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        return self.path(name)


def simulate(*arguments, **changes):
    return run("simulate", *arguments, VMMI_PLUGIN_PATH=PLUGINS, **changes)


def lines_of(done):
    assert done.code == 0 and done.err == "", done
    return [item for item in done.objects() if not item.get("summary")]


def test_table():
    with Files() as files:
        done = simulate("--scenario", files.write("s.json", SCENARIO), "--plugin", "touri,forceful", "--cells")
        assert done.code == 0 and done.err == "", done
        assert "\r" not in done.out, "progress is for terminals"
        for word in ("cell db", "cell web", "all 2 cells", "best of each", "4 migrations in ", "POLICY", "SCORE"):
            assert word in done.out, word
        assert any(line.startswith("forceful") and " 2/2 " in line for line in done.out.splitlines()), done.out


def test_progress():
    """On a terminal a line counts, and goes away."""
    with Files() as files:
        terminal = Terminal("none", "simulate", "--scenario", files.write("s.json", SCENARIO), "--plugin", "forceful",
                            VMMI_PLUGIN_PATH=PLUGINS)
        assert terminal.end() == 0, terminal.text
        before, after = terminal.text.split("\r\033[K")
        assert "2 of 2 runs" in before and "runs" not in after and "2 migrations in" in after, terminal.text


def test_json():
    with Files() as files:
        path = files.write("s.json", SCENARIO)
        done = simulate("--json", "--scenario", path, "--guest", "db", "--plugin", "forceful", "--runs", "3", "--seed", "5")
        lines = lines_of(done)
        assert [line["seed"] for line in lines] == [5, 6, 7]
        assert all(KEYS <= set(line) for line in lines), lines
        assert all(line["cell"] == "db" and line["outcome"] == "completed" and line["met"] for line in lines)
        assert all(line["silenceMs"] >= line["downtimeMs"] > 1000 for line in lines)
        summary = done.objects()[-1]
        assert summary["summary"] and summary["label"] == "forceful" and summary["met"] == 3, summary


def test_jobs_make_no_difference():
    with Files() as files:
        path = files.write("m.json", MATRIX)
        outputs = [lines_of(simulate("--json", "--scenario", path, "--plugin", "touri,forceful", "--jobs", jobs))
                   for jobs in ("1", "2", "5")]
        assert len(outputs[0]) == 9 * 2 * 2
        assert outputs[0] == outputs[1] == outputs[2]


def test_matrix():
    with Files() as files:
        lines = lines_of(simulate("--json", "--scenario", files.write("m.json", MATRIX), "--plugin", "touri", "--runs", "1"))
        cells = {line["cell"]: line for line in lines}
        assert len(cells) == 9
        cell = cells["phased-ws64-r2-b50"]
        assert cell["memoryMib"] == 128 and cell["ratio"] == 2 and cell["pattern"] == "phased"
        assert cell["deadlineSeconds"] == 16 and cell["downtimeHardMs"] == 1500
        assert cells["own"]["deadlineSeconds"] == 5 and cells["own"]["memoryMib"] == 128


def test_policies():
    policies = {"vmmiPolicies": 1, "comment": "two", "policies": [
        {"label": "throttled", "group": "throttle", "plugin": "touri", "migration": {"flags": ["auto_converge"]}},
        {"label": "hard", "group": "gentle", "plugin": "gentle", "policy": {"downtimeMs": "@downtimeHardMs"}},
        {"label": "soft", "group": "gentle", "plugin": "gentle", "policy": {"downtimeMs": "@downtimeSoftMs"}, "timeScale": 10}]}
    with Files() as files:
        path = files.write("p.json", policies)
        matrix = files.write("m.json", MATRIX)
        lines = lines_of(simulate("--json", "--scenario", matrix, "--policies", path))
        silence = {line["label"]: line["silenceMs"] for line in lines if line["cell"] == "cyclic-ws16-r0.3-b50"}
        assert silence["soft"] < 400 < silence["hard"] or silence["hard"] > silence["soft"], silence
        assert {line["group"] for line in lines if line["label"] == "throttled"} == {"throttle"}
        assert {line.get("timeScale") for line in lines if line["label"] == "soft"} == {10}
        assert any(line["throttleSilenceMs"] > 0 for line in lines if line["label"] == "throttled")
        out = simulate("--scenario", matrix, "--policies", path).out
        assert "group throttle" in out and "group gentle" in out, out


def test_settings():
    with Files() as files:
        path = files.write("s.json", SCENARIO)
        config = files.write("c.json", {"vmmiVersion": "0.4.1", "contentType": "configuration",
                                        "configuration": {"policy": {"downtimeMs": 5}}})
        common = ("--json", "--scenario", path, "--guest", "db", "--plugin", "gentle", "--config", config)
        plain, = lines_of(simulate(*common))
        changed, = lines_of(simulate(*common, "--set", "downtimeMs=1900"))
        flags, = lines_of(simulate(*common, "--set", "migration.flags=[\"auto_converge\"]"))
        assert plain["outcome"] == "failed" and "never ended" in plain["error"]["message"], plain
        assert changed["outcome"] == "completed", changed
        assert flags["throttleSilenceMs"] > 0, flags


def test_trace():
    with Files() as files:
        traces = files.path("traces")
        done = simulate("--scenario", files.write("s.json", SCENARIO), "--guest", "db", "--plugin", "forceful",
                        "--trace", traces, "--runs", "2")
        assert done.code == 0, done
        assert sorted(os.listdir(traces)) == ["db-forceful-1.jsonl", "db-forceful-2.jsonl"]
        with open(os.path.join(traces, "db-forceful-1.jsonl"), encoding="utf-8") as file:
            entries = [json.loads(line) for line in file]
        assert entries[0]["kind"] == "start" and entries[0]["data"]["format"] == "vmmi-trace"
        assert entries[0]["data"]["simulated"] is True and entries[0]["data"]["guest"]["name"] == "db"
        assert entries[-1]["kind"] == "end" and entries[-1]["data"]["outcome"] == "completed"
        assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
        times = [entry["boottimeMs"] for entry in entries]
        assert times[0] == 0 and times == sorted(times)
        assert {"start", "state", "sample", "action", "end"} == {entry["kind"] for entry in entries}
        action = next(entry for entry in entries if entry["kind"] == "action")
        assert action["data"]["result"] == "done" and "reason" in action["data"]


# --- mistakes: each named, with its place ---------------------------------------------------------------------------

def matrix_with(**changes):
    return {key: value for key, value in {**MATRIX, **changes}.items() if value is not None}


WRONG = [
    ("not JSON", "{", 2, "s.json: line 1, column 1"),
    ("not an object", "[]", 2, "an object is needed"),
    ("twice", '{"vmmiSim": "scenario", "vmmiSim": "scenario"}', 2, "duplicate"),
    ("other kind", {"vmmiSim": "word"}, 2, "'vmmiSim' must be 'scenario' or 'matrix'"),
    ("no guests", {"vmmiSim": "scenario"}, 2, "the scenario has no guests"),
    ("in the scenario", {"vmmiSim": "scenario", "guests": [{"name": "a", "patern": "x"}]}, 2, "'guests[0].patern' is not known"),
    ("unknown key", matrix_with(axis={}), 2, "s.json: 'axis' is not known here"),
    ("axis missing", matrix_with(axes={"ratio": [1]}), 2, "'axes.workingSetMib' must be an array"),
    ("axis empty", matrix_with(axes={**MATRIX["axes"], "ratio": []}), 2, "'axes.ratio' must be an array of 1 to 64 items"),
    ("axis wrong", matrix_with(axes={**MATRIX["axes"], "ratio": [0.3, "x"]}), 2, "'axes.ratio[1]' must be a number above 0"),
    ("pattern wrong", matrix_with(axes={**MATRIX["axes"], "pattern": ["zip"]}), 2, "'guests[0].pattern' must be one of"),
    ("deadline", matrix_with(deadline={"timesBulk": -1}), 2, "'deadline.timesBulk' must be a number, at least 0"),
    ("deadline key", matrix_with(deadline={"times": 1}), 2, "'deadline.times' is not known here"),
    ("no cells", matrix_with(axes=None, cells=None), 2, "the matrix has 0 cells"),
    ("same cell", matrix_with(cells=MATRIX["cells"] * 2), 2, "cell 'own' is there twice"),
    ("cell shape", matrix_with(cells=[{"name": "x"}]), 2, "'cells[0]' must be an object with a 'name' and a 'scenario'"),
]


def test_wrong_scenarios():
    with Files() as files:
        for name, content, code, words in WRONG:
            done = simulate("--scenario", files.write("s.json", content), "--plugin", "touri")
            assert done.code == code and words in done.err and done.err.count("\n") == 1, (name, done)


def test_wrong_usage():
    with Files() as files:
        path = files.write("s.json", SCENARIO)
        for arguments, code, words in [
                ((), 2, "--scenario is needed"),
                (("--scenario", path), 2, "one of --plugin and --policies is needed"),
                (("--scenario", path, "--plugin", "touri", "--policies", path), 2, "one of --plugin and --policies"),
                (("--scenario", path, "--plugin", "touri", "--runs", "0"), 2, "--runs must be an integer 1..100000"),
                (("--scenario", path, "--plugin", "touri", "--jobs", "x"), 2, "--jobs must be an integer"),
                (("--scenario", path, "--plugin", "touri", "--set", "x"), 2, "--set needs KEY=VALUE"),
                (("--scenario", path, "--plugin", "touri", "--set", "connection.x=1"), 2, "have a meaning here"),
                (("--scenario", path, "--plugin", "gentle", "--set", "downtimMs=1"), 2, "did you mean 'downtimeMs'?"),
                (("--scenario", path, "--plugin", "touri,touri"), 2, "policy 'touri' is there twice"),
                (("--scenario", path, "--plugin", "tuori"), 5, "there is no plugin 'tuori'"),
                (("--scenario", path, "--plugin", "touri", "--guest", "nobody"), 5, "there is no guest 'nobody'"),
                (("--scenario", files.path("none.json"), "--plugin", "touri"), 2, "is not a regular file"),
                (("--scenario", path, "--policies", path), 2, "'vmmiSim' is not known here")]:
            done = simulate(*arguments)
            assert done.code == code and words in done.err and done.err.count("\n") == 1, (arguments, done)


def script(files, name, text):
    path = files.write(name, "#!/bin/sh\n" + text)
    os.chmod(path, stat.S_IRWXU)


DESCRIPTION = ('{"name": "%s", "version": "1", "protocolVersions": ["0.4.1"], "summary": "a fake", '
               '"features": [%s]}')


def fake(files, name, body, features='"simulate"'):
    script(files, name, f"[ \"$1\" = --vmmi-describe ] && {{ echo '{DESCRIPTION % (name, features)}'; exit 0; }}\n{body}\n")


def test_wrong_plugins():
    with Files() as files:
        path = files.write("s.json", SCENARIO)
        fake(files, "plain", "exit 0", features="")
        fake(files, "silent", "cat >/dev/null")
        fake(files, "nonsense", "cat >/dev/null; echo hello; echo hello")
        fake(files, "complains", "cat >/dev/null; echo 'this is wrong' >&2; exit 1")
        fake(files, "crashes", "kill -SEGV $$")
        script(files, "unsafe", "exit 0\n")
        os.chmod(files.path("unsafe"), 0o777)
        for name, code, words in [("plain", 125, "plugin 'plain' cannot simulate"),
                                  ("silent", 125, "plugin 'silent' wrote 0 results, 2 were asked for"),
                                  ("nonsense", 125, "plugin 'nonsense' wrote what is no result: hello"),
                                  ("complains", 2, "policy 'complains': this is wrong"),
                                  ("crashes", 125, "plugin 'crashes' was killed by signal 11"),
                                  ("unsafe", 125, "unsafe")]:
            done = run("simulate", "--scenario", path, "--plugin", name, "--jobs", "1", VMMI_PLUGIN_PATH=files.directory.name)
            assert done.code == code and words in done.err and done.err.count("\n") == 1, (name, done)
            again = run("simulate", "--json", "--scenario", path, "--plugin", name, "--jobs", "1",
                        VMMI_PLUGIN_PATH=files.directory.name)
            assert again.code == code and again.object()["error"]["message"], again


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_interrupted():
    """Ctrl-C ends the children."""
    with Files() as files:
        mark = files.path("pid")
        fake(files, "endless", f"echo $$ >{mark}.new; mv {mark}.new {mark}; exec sleep 1000")
        process = subprocess.Popen([TOOL, "simulate", "--scenario", files.write("s.json", SCENARIO), "--plugin", "endless"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=environment(VMMI_PLUGIN_PATH=files.directory.name))
        wait_for(lambda: os.path.exists(mark))
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 3 and "interrupted: 0 of 2 runs" in errors, (process.returncode, errors)
        with open(mark, encoding="ascii") as file:
            child = int(file.read())
        wait_for(lambda: not alive(child))


# --- the plugin itself ----------------------------------------------------------------------------------------------

ORDER = {"vmmiSim": "order", "cells": [{"name": "a", "scenario": SCENARIO}]}
ORDERS = [
    ("empty", "", "the order"),
    ("not JSON", "{", "the order: line 1, column 2"),
    ("other kind", {**ORDER, "vmmiSim": "scenario"}, "'vmmiSim' must be 'order'"),
    ("unknown", {**ORDER, "run": 1}, "'run' is not known here"),
    ("runs", {**ORDER, "runs": 0}, "'runs' must be an integer 1..100000, got 0"),
    ("no cells", {"vmmiSim": "order"}, "'cells' is missing"),
    ("cells empty", {**ORDER, "cells": []}, "'cells' must be an array of 1 to 4096 items"),
    ("cell", {**ORDER, "cells": [{"name": "a"}]}, "'cells[0].scenario' is missing"),
    ("policy", {**ORDER, "policy": []}, "'policy' must be an object, got an array"),
    ("option", {**ORDER, "policy": {"downtimeMs": 0}}, "'policy.downtimeMs': "),
    ("figure", {**ORDER, "policy": {"downtimeMs": "@downtimeHardMs"}}, "cell 'a' has no 'downtimeHardMs'"),
    ("trace", {**ORDER, "traceDirectory": "here"}, "'traceDirectory' must be an absolute path"),
    ("trace nowhere", {**ORDER, "traceDirectory": "/nonexistent"}, "cannot open the trace file '/nonexistent/a-gentle-1.jsonl'"),
    ("too long", json.dumps(ORDER) + " " * 1048576, "the order has more than 1048576 bytes"),
]


def test_orders():
    plugin = os.path.join(BUILD, "tests/fakes/kit/gentle")
    for name, order, words in ORDERS:
        text = order if isinstance(order, str) else json.dumps(order)
        done = run("--vmmi-simulate", program=plugin, stdin=text)
        assert done.code == 1 and done.out == "" and done.err.startswith("gentle: ") and words in done.err, (name, done)
        assert done.err.count("\n") == 1, (name, done)
    done = run("--vmmi-simulate", program=plugin, stdin=json.dumps(ORDER))
    assert done.code == 0 and done.object()["cell"] == "a" and done.err == "", done


def test_shipped_files():
    """The examples and the complete matrix can be read."""
    folder = os.path.join(SOURCE, "examples/simulate")
    for name in sorted(os.listdir(folder)):
        if name.endswith(".json") and "policies" not in name:
            lines_of(simulate("--json", "--scenario", os.path.join(folder, name), "--plugin", "touri", "--runs", "1"))
    lines = lines_of(simulate("--json", "--scenario", os.path.join(SOURCE, "tests/bench/policies/matrix.json"),
                              "--plugin", "forceful", "--runs", "1"))
    assert len(lines) == 7 * 5 * 4 * 3


main(globals())
