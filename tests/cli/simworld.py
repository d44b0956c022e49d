# SPDX-License-Identifier: LGPL-2.1-or-later
"""simworld.py: a simulated world in a run directory of its own, for tests of the whole way."""
import json
import os
import signal
import subprocess
import tempfile
import time

from tool import PATIENCE, TOOL, Result, environment

BUILD = os.environ["BUILD_ROOT"]


def with_plugin(words):
    """What a migration is asked for, with a plugin that does nothing of its own if none is named."""
    return words if any(word.startswith(("--plugin", "-p")) for word in words) else ("--plugin=touri", *words)


class World:
    """A simulated world of its own, in a run directory of its own."""

    def __init__(self, query="speed=20"):
        self.folder = tempfile.TemporaryDirectory()
        self.source, self.destination = f"sim:///?{query}", "sim:///destination"
        self.env = environment(VMMI_RUN_DIR=os.path.join(self.folder.name, "run"),
                               VMMI_PLUGIN_PATH=f"{BUILD}/tools/plugins:{BUILD}/examples",
                               VMMI_SHIM_PATH=os.path.join(BUILD, "tools/shim/vmmi-shim"))

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.kill_plugins()
        self.folder.cleanup()

    def kill_plugins(self):
        """No plugin outlives the test, however that ended."""
        jobs = os.path.join(self.env["VMMI_RUN_DIR"], "jobs")
        for process in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{process}/environ", "rb") as file:
                    if f"VMMI_JOB={jobs}/".encode() in file.read():
                        os.kill(int(process), signal.SIGKILL)
            except OSError:
                pass
        deadline = time.monotonic() + PATIENCE
        while os.path.isdir(jobs) and any(item["phase"] in ("starting", "running", "ending")
                                          for item in self.run("list", "--json", "--running").objects() if item["id"]):
            assert time.monotonic() < deadline, "a plugin stays"
            time.sleep(0.02)

    def start(self, *words, destination=None, guest="guest1"):
        """Starts a migration, under touri unless a plugin is named: it leaves the guest alone."""
        return subprocess.Popen([TOOL, "-c", self.source, "migrate", guest, destination or self.destination,
                                 *with_plugin(words)],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                                env=self.env)

    def migrate(self, *words, **more):
        process = self.start(*words, **more)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out, err

    def where(self, guest):
        """The host that runs a guest, by its selector: found without touching anything."""
        for host in ("source", "destination"):
            process = subprocess.run([TOOL, "-c", f"sim:///{host}", "migrate", guest, "sim:///nobody", "--json"],
                                     capture_output=True, text=True, env=self.env, check=False, timeout=PATIENCE)
            last = json.loads(process.stdout.splitlines()[-1])
            if last["error"]["code"] != 10:
                return host
        return "nowhere"

    # For migrations that somebody started.

    def run(self, *words, stdin="", source=None):
        """Runs any verb to its end."""
        done = subprocess.run([TOOL, "-c", source or self.source, *words], input=stdin, capture_output=True, text=True,
                              env=self.env, check=False, timeout=PATIENCE)
        return Result(done.returncode, done.stdout, done.stderr)

    def open(self, *words, **more):
        """Starts any verb."""
        return subprocess.Popen([TOOL, "-c", self.source, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                stdin=subprocess.DEVNULL, text=True, env=self.env, **more)

    def detach(self, guest, *words):
        """Starts a migration without staying; returns its id."""
        done = self.run("migrate", guest, self.destination, "--detach", *with_plugin(words))
        assert done.code == 0, done.err
        return done.out.strip()

    def record(self, name):
        """The object of a migration as `vmmi list` has it now."""
        for item in self.run("list", "--json").objects():
            if item["id"] == name:
                return item
        raise AssertionError(f"{name} is not listed")

    def until(self, name, condition):
        """Waits until the record of a migration is as wanted; returns it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            item = self.record(name)
            if condition(item):
                return item
            assert time.monotonic() < deadline, item
            time.sleep(0.02)

    def pid(self, name):
        """The process of a migration's plugin."""
        with open(os.path.join(self.env["VMMI_RUN_DIR"], "jobs", name, "helper.json"), encoding="utf-8") as file:
            return json.load(file)["pid"]
