# SPDX-License-Identifier: LGPL-2.1-or-later
"""simulated.py: the runs of a cell in the simulator, by `vmmi simulate`."""
import json
import os
import pathlib
import subprocess
import tempfile

from cells import configuration_text, scenario


class SimulatorError(Exception):
    """vmmi simulate did not do it, and why."""


class Simulator:
    def __init__(self, vmmi, plugins, profile, runs=20):
        self.vmmi, self.plugins, self.profile, self.runs = vmmi, plugins, profile, runs

    def run(self, cell, link, rate, runs=None):
        """The lines of some runs with seeds of their own."""
        with tempfile.TemporaryDirectory(prefix="vmmi-sim-lab-") as folder:
            matrix, config = pathlib.Path(folder) / "matrix.json", pathlib.Path(folder) / "configuration.json"
            matrix.write_text(json.dumps({"vmmiSim": "matrix", "cells": [
                {"name": cell["cell"], "limitSeconds": 600, "scenario": scenario(cell, link, rate, self.profile)}]}))
            config.write_text(configuration_text(cell))
            done = subprocess.run(
                [self.vmmi, "--json", "simulate", "--scenario", matrix, "--plugin", "steady", "--config", config, "--runs",
                 str(runs or self.runs), "--jobs", "1"], env={**os.environ, "VMMI_PLUGIN_PATH": str(self.plugins)},
                capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        if done.returncode != 0 or not lines:
            raise SimulatorError(f"cell {cell['cell']}: exit {done.returncode}: {done.stderr.strip()[-400:]} {lines[:1]}")
        return [line for line in lines if not line.get("summary")]
