# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-examples.py: the programs of this folder, run against simulated hosts.

Usage: test-examples.py, with EXAMPLE_MIGRATE, VMMI_PLUGIN_PATH and VMMI_SHIM_PATH in the environment.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from tap import Tap

PROGRAM = os.environ["EXAMPLE_MIGRATE"]
PATIENCE = 60


def run(run_dir, *arguments):
    env = dict(os.environ, VMMI_RUN_DIR=run_dir)
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, env=env, check=False,
                          timeout=PATIENCE)


def problems(done, code, *needles):
    found = [] if done.returncode == code else [f"exit status {done.returncode}, expected {code}"]
    text = done.stdout + done.stderr
    found += [f"'{needle}' is missing in: {text}" for needle in needles if needle not in text]
    return found


def actions(run_dir):
    """What the policies of all migrations did, from their journals."""
    found = []
    for path in pathlib.Path(run_dir).glob("jobs/*/journal"):
        entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        found += [entry["data"] for entry in entries if entry["kind"] == "action"]
    return found


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as run_dir:
        done = run(run_dir, "sim:///", "guest1", "sim:///destination", "-", "touri")
        tap.row("migrate.c migrates", problems(
            done, 0, "-> precopy", "-> completed", "completed: the guest is on the destination"))
        done = run(run_dir, "sim:///", "guest9", "sim:///destination")
        tap.row("migrate.c fails with a sentence", problems(done, 1, "migrate: ", "guest9"))
    with tempfile.TemporaryDirectory() as run_dir:
        done = run(run_dir, "sim:///", "guest2", "sim:///destination", "-", "patient")
        tap.row("policy.c makes a busy guest converge", problems(done, 0, "completed"))
        tunes = [action for action in actions(run_dir) if action["action"] == "tune"]
        tap.row("policy.c acts, and says why", [] if tunes and all(
            action["result"] == "done" and "pass" in action["reason"] for action in tunes)
            else [f"actions: {tunes}"])
    return tap.end()


sys.exit(main())
