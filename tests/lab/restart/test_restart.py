#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_restart.py: a manager is killed in the middle of a real migration; the next one's callbacks go on."""
import contextlib
import json
import os
import signal
import subprocess

from frame import BOX, PATIENCE, Wrong, end_plugin, main, record, row, same, until
from hosts import LAB, guest

FOLLOW = os.environ["VMMI_FOLLOW"]


class Manager:
    """A process that follows one migration, and writes down each callback."""

    def __init__(self, *arguments):
        self.out_path, self.err_path = BOX.write("", "out"), BOX.write("", "err")
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                [FOLLOW, *arguments], stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=BOX.environment())

    def objects(self):
        """The migration as of each callback."""
        return [entry["migration"] for entry in self.entries()]

    def entries(self):
        with open(self.out_path, encoding="utf-8") as stream:
            return [json.loads(line) for line in stream.read().split("\n")[:-1]]

    def states(self):
        return [entry["migration"]["state"] for entry in self.entries() if entry["callback"] == "state"]

    def samples(self):
        return [entry["migration"] for entry in self.entries() if entry["callback"] == "sample"]

    def told(self, state):
        """Waits until it was told of a state, and of figures since."""
        until(f"state {state}", lambda: state in self.states() or self.process.poll() is not None)
        until("figures", lambda: self.samples() or self.process.poll() is not None)
        if self.process.poll() is not None:
            raise Wrong(f"it ended: {self.errors()}")
        return self

    def errors(self):
        with open(self.err_path, encoding="utf-8") as stream:
            return stream.read()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        """The last that it was told."""
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Wrong(f"it did not end: {self.states()}") from None
        if code != 0 or self.errors():
            raise Wrong(f"it ended with {code}: {self.errors()}")
        ends = [entry["migration"] for entry in self.entries() if entry["callback"] == "end"]
        same("the number of ends", len(ends), 1)
        same("the last callback", self.entries()[-1]["callback"], "end")
        return ends[0]


@contextlib.contextmanager
def managing(*arguments):
    manager = Manager(*arguments)
    try:
        yield manager
    finally:
        if manager.process.poll() is None:
            manager.kill()
        end_plugin(manager)


def starting(made):
    return managing("start", LAB.SRC, made.name, LAB.DEST_URI, LAB.MIGRATE_URI, "touri")


def journal(directory):
    """The states that the plugin wrote down."""
    with open(os.path.join(directory, "journal"), encoding="utf-8") as stream:
        entries = [json.loads(line) for line in stream.read().split("\n")[:-1]]
    return [entry["state"] for entry in entries if entry["kind"] == "state"]


def shape(got):
    """What must not depend on who followed: all facts, and which figures there are. (The witness may differ: a connection without
    events has the journal's word, one with events has the source's.)"""
    return {
        **{key: got[key] for key in ("outcome", "where", "state", "percent", "exit", "error")},
        "statistics": sorted(got["statistics"]),
        "figures of the completion": sorted(got["completion"]["completion"]["success"]["statistics"]),
    }


def alike(what, got, want):
    """Names what differs."""
    for key, value in shape(got).items():
        if isinstance(value, list):
            same(f"{what}: {key}, not in both", sorted(set(value) ^ set(want[key])), [])
        else:
            same(f"{what}: {key}", value, want[key])


def undisturbed():
    with guest("restart0") as made:
        with starting(made) as manager:
            manager.told("precopy")
            made.fast()
            got = manager.end()
        made.at("destination")
    return shape(got)


@row("manager killed in pre-copy: the next one's callbacks go on, its figures are those of an undisturbed run")
def restarted():
    want = undisturbed()
    with guest("restart1") as made:
        with starting(made) as first:
            before = first.told("precopy").samples()[-1]
            first.kill()
            ident = before["id"]
            with managing("open", ident) as second, managing("look", ident) as looking:
                second.told("precopy")
                count = len(second.samples())
                until("figures go on", lambda: len(second.samples()) > count)
                made.fast()
                got, looked = second.end(), looking.end()
        made.at("destination")
    alike("the outcome", got, want)
    alike("the outcome of who only looks", looked, want)
    states = [state for state in journal(got["directory"]) if state not in ("starting", "completed")] + ["completed"]
    same("the states", second.states(), states)
    same("the states of who only looks", looking.states(), states)
    same("the states before", first.states(), states[:len(first.states())])
    elapsed = [sample["sample"].get("elapsedMs", 0) for sample in second.samples()]
    same("the order of the figures", elapsed, sorted(elapsed))
    if elapsed[-1] < before["sample"].get("elapsedMs", 0):
        raise Wrong(f"the figures began again: {elapsed}")


@row("manager and plugin killed in pre-copy: the next one tells the end by what the host shows")
def both_killed():
    with guest("restart2") as made:
        with starting(made) as first:
            ident = first.told("precopy").samples()[-1]["id"]
            first.kill()
            os.kill(record(first.objects()[0]["directory"], "helper.json")["pid"], signal.SIGKILL)
            with managing("open", ident, LAB.SRC) as second:
                until("nobody attends to it", lambda: "unattended" in second.states())
                made.fast()
                got = second.end()
        made.at("destination")
    same("the outcome", (got["outcome"], got["where"], got["exit"]["kind"]), ("completed", "destination", "killed"))


@row("manager and plugin killed in pre-copy: the next one aborts, through the recorded source")
def aborted():
    with guest("restart3") as made:
        with starting(made) as first:
            ident = first.told("precopy").samples()[-1]["id"]
            first.kill()
            os.kill(record(first.objects()[0]["directory"], "helper.json")["pid"], signal.SIGKILL)
            with managing("abort", ident) as second:
                got = second.end()
        made.at("source")
    same("the outcome", (got["outcome"], got["where"], got["error"]["code"]), ("aborted", "source", 9))


if __name__ == "__main__":
    main()
