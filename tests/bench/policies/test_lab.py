# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_lab.py BUILD: one small run on real hosts, and its report. No figure is judged: the machine may be busy."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CELL = {"workingSetMib": 8, "ratio": 0.3, "linkMibPerSecond": 60, "memoryMib": 32, "deadlineSeconds": 120}


def complaints(line, place):
    """What is wrong with the run's line."""
    wanted = {"outcome": "completed", "where": "destination", "oneHost": True, "verified": True, "label": "none", "block": 0}
    wrong = [f"{key} is {line.get(key)!r}" for key, value in wanted.items() if line.get(key) != value]
    for key in ("totalMs", "downtimeMs", "silenceMs", "throttleSilenceMs", "workLostMs", "achievedMibPerSecond",
                "bandwidthMibPerSecond", "iterations", "bytes", "setupMs"):
        if not isinstance(line.get(key), (int, float)):
            wrong.append(f"{key} is {line.get(key)!r}")
    if not (place / line.get("trace", "none")).exists():
        wrong.append("there is no trace")
    if not wrong and line["bytes"] < CELL["workingSetMib"] * 2 ** 20:
        wrong.append(f"only {line['bytes']} bytes went through the link")
    return wrong


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP the lab needs root")
        return 0
    name = os.environ.get("VMMI_LAB", "test") + "-p"
    with tempfile.TemporaryDirectory() as directory:
        place = pathlib.Path(directory)
        (place / "cells.json").write_text(json.dumps({"vmmiCells": 1, "cells": [CELL], "policies": ["none"], "capSeconds": 120}))
        done = subprocess.run([sys.executable, HERE / "run", "--cells", place / "cells.json", "--build", sys.argv[1],
                               "--output", place / "out", "--name", name, "--report", place / "r.md"],
                              capture_output=True, text=True, check=False)
        wrong = [] if done.returncode == 0 else [f"exit {done.returncode}", *done.stdout.splitlines(), *done.stderr.splitlines()]
        if not wrong:
            lines = [json.loads(each) for each in (place / "out" / "results.jsonl").read_text().splitlines()]
            wrong = complaints(lines[-1], place / "out") + ([] if (place / "r.md").exists() else ["no report"])
            if wrong:
                wrong += [json.dumps(each) for each in lines]
    print(f"{'not ok' if wrong else 'ok'} 1 - bench/one-run-in-the-lab")
    for each in wrong:
        print(f"# {each}")
    print("1..1")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
