#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_shadow.py: policies in shadow watch a migration of a real guest that virsh started."""
import contextlib
import json
import os
import signal
import subprocess

from frame import BOX, PATIENCE, TOOL, Wrong, main, row, same, until
from hosts import LAB, guest


class Shadow:
    """A `vmmi shadow`, and its trace."""

    def __init__(self, made, *arguments):
        self.trace, self.out, self.err = BOX.new("trace"), BOX.new("shadow-out"), BOX.new("shadow-err")
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen([TOOL, "-c", LAB.SRC, "--json", "shadow", made.name, "--trace", self.trace, *arguments],  # pylint: disable=consider-using-with
                                            stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=BOX.environment())

    def entries(self, kind=None):
        """The whole lines of its trace."""
        if not os.path.exists(self.trace):
            return []
        with open(self.trace, encoding="utf-8") as stream:
            text = stream.read()
        found = [json.loads(line) for line in text.split("\n")[:-1]]
        return [entry for entry in found if kind in (None, entry["kind"])]

    def saw(self, count):
        def enough():
            if self.process.poll() is not None:
                raise Wrong(f"it ended with {self.process.returncode}: {self.tell()!r}")
            return len(self.entries("sample")) >= count
        until(f"it saw {count} samples", enough)

    def tell(self):
        with open(self.err, encoding="utf-8") as stream:
            return stream.read()

    def ended(self, code, outcome):
        """Waits for its end."""
        self.process.wait(PATIENCE)
        with open(self.out, encoding="utf-8") as stream:
            got = json.loads(stream.read())
        same("the exit code", self.process.returncode, code)
        same("the outcome", got["outcome"], outcome)
        same("the end in the trace", self.entries()[-1]["data"]["outcome"], outcome)
        return got


@contextlib.contextmanager
def watching(made, *arguments):
    shadow = Shadow(made, *arguments)
    try:
        yield shadow
    finally:
        shadow.process.kill()
        shadow.process.wait()
        for entry in shadow.entries("start"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(entry["data"]["pid"], signal.SIGTERM)


@row("virsh runs it; one policy was there before, one would abort, one is told to end")
def virsh():
    with guest() as made, watching(made, "--plugin", "stall", "--wait", "60") as early:
        with made.migrating():
            with watching(made, "--plugin", "deadline", "--set", "completionTimeoutMsPerGib=1000") as strict, \
                    watching(made, "--plugin", "touri") as told:
                told.saw(2)
                told.process.send_signal(signal.SIGINT)
                same("the code of it", told.ended(4, "released")["error"]["code"], 13)
                until("it would abort", lambda: "abort" in [entry["data"]["action"] for entry in strict.entries("action")])
                early.saw(3)
                if not made.job():
                    raise Wrong("the migration does not run any more")
                same("the records", BOX.jobs(), [])
                made.fast()
                actions = strict.ended(0, "completed")["actions"]
                same("what became of the actions", {action["result"] for action in actions}, {"shadow"})
        got = early.ended(0, "completed")
        if not got["statistics"] or not early.entries("sample")[-1]["sample"]["memoryTotalBytes"]:
            raise Wrong(f"it knows no figures: {got!r}")
        made.at("destination")


main()
