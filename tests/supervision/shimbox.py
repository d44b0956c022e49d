# SPDX-License-Identifier: LGPL-2.1-or-later
"""shimbox.py: shims under test: a private run directory, plugins made of scripts, a Varlink client, rows in TAP.

Rows are as in rows.py, but get a box each.
"""
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile

import rows
from rows import Skip, Wrong, alive, main, same

JOB_TOOL = os.environ["VMMI_JOB_TOOL"]
PATIENCE = 60
# With the counts of a soak run.
SOAK = os.environ.get("VMMI_SOAK", "0") not in ("", "0")
# Each start is dear.
SANITIZED = os.environ.get("VMMI_SANITIZED") == "yes"

# What else the shim finds in its environment; nothing of it reaches the plugin.
SHIM_PAIRS = json.loads(os.environ.get("VMMI_TEST_SHIM_PAIRS", "[]"))

# Plugins: a status, one that only waits, one that answers with a counter.
STATUS = '{"vmmiVersion": "0.4.1", "contentType": "status", "timestamp": 1, "status": {"percent": %s}}'
WAITS = "echo ready; while :; do sleep 0.01; done"
ANSWERS = f"""n=0; trap 'n=$((n + 1)); echo "{STATUS.replace('"', chr(92) + '"') % '$n'}"' USR1
{WAITS}"""

until = functools.partial(rows.until, seconds=PATIENCE, pause=0.005)


class Box:
    """A private directory with a run directory in it; ends all that was started in it."""

    def __init__(self, below=None):
        self.path = tempfile.mkdtemp(prefix="vmmi-shim-", dir=below)
        self.run_dir = os.path.join(self.path, "run")
        self.count = 0

    def script(self, body):
        """A plugin; returns its path."""
        self.count += 1
        path = os.path.join(self.path, f"plugin-{self.count}")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(f"#!/bin/sh\n{body}\n")
        os.chmod(path, 0o700)
        return path

    def tool(self, *arguments, env=None, seconds=PATIENCE):
        """Runs job-tool; the object that it prints, None when it was killed."""
        done = subprocess.run([JOB_TOOL, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds,
                              stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})}, check=False)
        if done.returncode < 0:
            return None
        if done.returncode > 1 or not done.stdout:
            raise Wrong(f"job-tool ended with {done.returncode}: {done.stdout!r} {done.stderr.decode()[-2000:]}")
        return json.loads(done.stdout)

    def start(self, body, *pairs, env=None):
        """A job whose plugin runs this script."""
        got = self.tool("start", self.run_dir, self.script(body), *SHIM_PAIRS, *pairs, env=env)
        if got["code"]:
            raise Wrong(f"the plugin was not started: {got}")
        return Job(self, got["id"], got["path"])

    def look(self):
        return self.tool("look", self.run_dir)

    def processes(self):
        """All processes that were started for a job of this box."""
        found = []
        for name in os.listdir("/proc"):
            try:
                with open(f"/proc/{name}/environ", "rb") as stream:
                    text = stream.read()
            except OSError:
                continue
            if self.run_dir.encode() in text and alive(name):
                found.append(int(name))
        return found

    def end(self):
        """Kills all of them."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def remove(self):
        self.end()
        shutil.rmtree(self.path, ignore_errors=True)


class Job:
    """One plugin and its shim."""

    def __init__(self, box, name, path):
        self.box, self.id, self.path = box, name, path

    def file(self, name):
        return os.path.join(self.path, name)

    def read(self, name):
        with open(self.file(name), encoding="utf-8", errors="replace") as stream:
            return stream.read()

    def record(self, name):
        """A file that is an object; None while it is not there."""
        try:
            return json.loads(self.read(name))
        except FileNotFoundError:
            return None

    def helper(self):
        return self.record("helper.json")

    def look(self):
        return self.box.look()[self.id]

    def prints(self, text, stream="stdout"):
        until(f"{text!r} on {stream}", lambda: text in self.read(stream))
        return self

    def result(self):
        return until("result.json", lambda: self.record("result.json"))

    def ended(self, kind, value):
        """The end, when it has come."""
        result = self.result()
        same("the end", (result["kind"], result["value"]), (kind, value))
        until("the shim's end", lambda: not alive(self.helper()["shimPid"]))
        return result

    def signal(self, number):
        os.kill(self.helper()["pid"], number)

    def client(self):
        return Client(self)

    def call(self, method, **parameters):
        """One call on a connection of its own."""
        with self.client() as client:
            return client.call(method, **parameters)


class Client:
    """Varlink on the control socket: a JSON object and a NUL, both ways."""

    def __init__(self, job, seconds=PATIENCE):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.rest = b""
        directory = os.open(job.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.socket.connect(f"/proc/self/fd/{directory}/control")
        finally:
            os.close(directory)
        self.socket.settimeout(seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def ask(self, method, more=False, oneway=False, **parameters):
        call = {"method": method if "." in method else f"io.vmmi.Job.{method}"}
        call.update({"parameters": parameters} if parameters else {})
        call.update({"more": True} if more else {})
        call.update({"oneway": True} if oneway else {})
        self.send(json.dumps(call).encode() + b"\0")

    def text(self):
        """A reply as it came; None at the end of the stream."""
        while b"\0" not in self.rest:
            try:
                got = self.socket.recv(65536)
            except ConnectionResetError:
                got = b""
            if not got:
                return None
            self.rest += got
        text, _, self.rest = self.rest.partition(b"\0")
        return text

    def reply(self):
        text = self.text()
        return text if text is None else json.loads(text, object_pairs_hook=no_twins)

    def call(self, method, **parameters):
        self.ask(method, **parameters)
        return self.reply()


def no_twins(pairs):
    """No reply names anything twice."""
    if len({key for key, _ in pairs}) != len(pairs):
        raise Wrong(f"a reply with twins: {pairs!r}")
    return dict(pairs)


def error_of(reply):
    """The short name of a reply's error."""
    return reply and reply.get("error", "").rpartition(".")[2]


# --- rows -----------------------------------------------------------------------------------------------------------

def row(name, sanitized=True):
    """Registers a row; without @sanitized only for a plain build: what it does cannot be done under sanitizers."""
    def add(function):
        def in_box():
            box = Box()
            try:
                function(box)
            finally:
                box.remove()
        if sanitized or not SANITIZED:
            rows.row(name)(in_box)
        return function
    return add


__all__ = ["ANSWERS", "Box", "JOB_TOOL", "Job", "PATIENCE", "SANITIZED", "SOAK", "STATUS", "Skip", "WAITS", "Wrong", "alive", "error_of",
           "main", "row", "same", "until"]
