# SPDX-License-Identifier: LGPL-2.1-or-later
"""run_plugin.py: starts a plugin as a manager does, and reads what it writes. For the scripts of this folder.

Streams are files; no library of ours is used, so that a mistake in it cannot hide one here.
"""
import json
import os
import signal
import subprocess
import tempfile
import time

UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"
PATIENCE = 60   # seconds; only a failure waits that long


def objects(data):
    """The JSON objects in bytes that may hold anything besides."""
    decoder = json.JSONDecoder()
    text = data.decode("utf-8", "replace")
    found, at = [], text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except ValueError:
            end = at + 1
        else:
            found.append(value)
        at = text.find("{", end)
    return found


def messages(data, kind):
    """The content of all messages of a type, with nothing checked but their envelope."""
    return [value[kind] for value in objects(data) if value.get("contentType") == kind and kind in value]


class Plugin:
    """A plugin that runs, or has run; `text` stands for the whole configuration, `bare` for none."""

    def __init__(self, path, *, configuration=None, arguments=None, text=None, bare=False):
        self.directory = tempfile.TemporaryDirectory(prefix="vmmi-test-")
        if arguments is None:
            arguments = [UUID, "sim:///destination", ""]
        if text is None:
            text = json.dumps({"vmmiVersion": "0.4.1", "contentType": "configuration",
                               "configuration": configuration or {}})
        with open(self.file("config"), "w", encoding="utf-8") as stream:
            stream.write(text)
        with open(self.file("config"), "rb") as stdin, open(self.file("stdout"), "ab") as stdout, \
                open(self.file("stderr"), "ab") as stderr:
            self.process = subprocess.Popen(
                [path, *arguments, *([] if bare else ["-"])], stdin=stdin, stdout=stdout, stderr=stderr, cwd="/",
                env={"PATH": "/usr/bin:/bin"}, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.directory.cleanup()

    def file(self, name):
        """The path of one of its files."""
        return os.path.join(self.directory.name, name)

    def read(self, name):
        """What is in a stream by now."""
        with open(self.file(name), "rb") as stream:
            return stream.read()

    def statuses(self):
        """The statuses that were sent by now."""
        return messages(self.read("stdout"), "status")

    def completions(self):
        """The completions that were sent by now."""
        return messages(self.read("stderr"), "completion")

    def takes(self, number):
        """Whether a signal is caught, or blocked to be waited for (B7)."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as stream:
            masks = dict(line.split(":\t") for line in stream if line.startswith("Sig"))
        with open(f"/proc/{self.process.pid}/wchan", encoding="ascii") as stream:
            if stream.read().startswith("do_sigtimedwait"):   # what is waited for does not count as blocked there
                return True
        return bool((int(masks["SigCgt"], 16) | int(masks["SigBlk"], 16)) >> (number - 1) & 1)

    def send(self, number):
        """Sends a signal once the plugin is ready: shells and Python catch SIGINT by themselves before."""
        self.until(lambda: self.takes(signal.SIGUSR1) and self.takes(number), f"signal {number} is not caught")
        self.process.send_signal(number)

    def until(self, condition, what):
        """Waits for a condition, with a deadline."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if self.process.poll() is not None and not condition():
                raise TimeoutError(f"{what}, and it has ended with {self.process.returncode}")
            if time.monotonic() > deadline:
                raise TimeoutError(what)
            time.sleep(0.01)

    def wait(self):
        """Its exit status, or minus the signal that killed it."""
        return self.process.wait(PATIENCE)
